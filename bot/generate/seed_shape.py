"""The shape of the seeds' answers: their lines, lengths and endings, by which a new answer is judged."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.taxonomy.leaf import Leaf
from bot.text.words import normal

ITEM = re.compile(r"(?m)^[ \t]*(?:\d+[.)]|[-*\u2022])\s")
CLOSED = re.compile("[.!?\u3002\uff01\uff1f\u2026\u0964\u061f][\"'\u201d\u2019\u00bb\u300d)*]*$")
OPEN = (":", ",", "\uff1a", "\u3001")
FEWEST = 3
"""With fewer seed answers, their shape says nothing."""
SHORTER, LONGER = 3, 3
"""An answer may be this many times shorter than the shortest seed answer, or longer than the longest."""
FREE = 80
"""Answers of at most this many characters are never too long."""
CHARACTERS_A_TOKEN = 2
"""Of a tokenizer that knows the language badly."""
MOST_TOKENS = 1_000
WORDS = 3
"""An answer with fewer words may stand in its task without being a copy."""


@dataclass(frozen=True)
class Shape:
    """What the seeds' answers have in common.

    Attributes:
        lines: fewest and most lines of an answer.
        length: fewest and most characters.
        listed: True if all answers are lists, False if none is, else None.
        closed: whether all end with a punctuation mark that ends a sentence.
        open: whether one of them ends with a colon or comma.
        copied: whether one of them is a part of its task or context.
        judged: whether there are enough of them to judge others by.
    """

    lines: tuple[int, int]
    length: tuple[int, int]
    listed: bool | None
    closed: bool
    open: bool
    copied: bool
    judged: bool = True

    @property
    def most_lines(self) -> int:
        """The most lines of a seed's answer."""
        return self.lines[1]

    def tokens(self, fewest: int) -> int:
        """Return the number of tokens that an answer may have: `fewest`, or more for seeds with long ones."""
        return max(fewest, min(MOST_TOKENS, self.length[1] // CHARACTERS_A_TOKEN))

    def is_cut(self, answer: str) -> bool:
        """Whether an answer breaks off: it has no end, or one line where the seeds' answers have several."""
        if not self.judged:
            return False
        text = answer.strip()
        unfinished = (not self.open and text.endswith(OPEN)) or (self.closed and not CLOSED.search(text))
        return unfinished or (self.lines[0] > 1 and len(_lines(text)) == 1)

    def misfit(self, answer: str) -> str:
        """Return in what an answer differs from all seeds' answers; "" if in nothing."""
        if not self.judged:
            return ""
        lines, length = len(_lines(answer)), len(answer.strip())
        if self.lines[1] == 1 < lines or 2 * lines < self.lines[0] or lines > LONGER * self.lines[1]:
            return f"{lines} {'line' if lines == 1 else 'lines'}"
        if self.listed is not None and bool(ITEM.search(answer)) is not self.listed:
            return "no list" if self.listed else "a list"
        if SHORTER * length < self.length[0] or length > max(FREE, LONGER * self.length[1]):
            return f"{length:,} characters"
        return ""


def shape_of(leaf: Leaf) -> Shape:
    """Return the shape of a leaf's seed answers."""
    pairs = [(seed.context or "", pair) for seed in leaf.seeds for pair in seed.pairs]
    answers = [pair.answer for _, pair in pairs] or [""]
    lines, lengths = [len(_lines(one)) for one in answers], [len(one.strip()) for one in answers]
    lists = {bool(ITEM.search(one)) for one in answers}
    return Shape(
        (min(lines), max(lines)),
        (min(lengths), max(lengths)),
        lists.pop() if len(lists) == 1 else None,
        all(CLOSED.search(one.strip()) for one in answers),
        any(one.strip().endswith(OPEN) for one in answers),
        any(is_copy(pair.answer, pair.question, context) for context, pair in pairs),
        len(pairs) >= FEWEST,
    )


def is_copy(answer: str, question: str, context: str) -> bool:
    """Whether an answer of several words is a part of its task or context."""
    text = normal(answer)
    long_enough = len(text.split()) >= WORDS or len(text) >= 8 * WORDS
    return long_enough and any(text in normal(source) for source in (question, context))


def _lines(text: str) -> Sequence[str]:
    return [line for line in text.splitlines() if line.strip()]
