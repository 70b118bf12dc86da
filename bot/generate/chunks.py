"""Split documents into passages by structure and by a maximum number of tokens."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from bot.inference.models import tokenizer_at_hand
from bot.text.analysis import sentence_ends
from bot.text.glyphs import UNSPACED
from bot.text.read_markdown import Block, read, separator

CHARACTERS_A_TOKEN = 4
"""For an estimate if the teacher's tokenizer is not on this machine.

Characters outside of ASCII count double, and those of scripts without spaces count as a token each.
"""
OVERLAP, OVERLAP_CHARACTERS = 30, 240
"""Maximum number of words and characters that are repeated from the previous passage, if a passage begins
within a sentence; never more than half of the passage's own."""
PART = 100_000
"""Number of characters of a document that are given to the splitter at once; a fifth if not all are ASCII."""
_WIDE = re.compile(f"[{UNSPACED}]")


def chunks(markdown: str, tokens: int, model: str) -> list[str]:
    """Split a document into passages, each preceded by the heading of its section.

    The document is split between sections if possible, else between paragraphs, sentences or words. A table
    that is longer than a passage is split between its rows, and its header row stands in each part.

    Args:
        tokens: maximum number of tokens of a passage, without its heading and the words that are repeated.
        model: the teacher, whose tokenizer is used; see `bot.inference.models.model_folder`.
    """
    found: list[str] = []
    length, heading, run = _length(model), "", _Run()
    headings: list[Block] = []
    for block in read(markdown):
        if block.kind == "heading":
            headings.append(block)
        elif block.kind == "table" and length(block.text) > tokens:
            found += run.passages(heading, tokens, model)
            heading = f"# {headings[-1].text}" if headings else run.last_heading or heading
            found += [_under(heading, part) for part in _table_parts(block.text, tokens, model)]
            run, headings = _Run(), []
        else:
            for one in (*headings, block):
                run.add(one)
            headings = []
    return found + run.passages(heading, tokens, model)


def _under(heading: str, text: str) -> str:
    return f"{heading}\n\n{text}" if heading else text


class _Run:
    """Consecutive blocks of a document, written as one text.

    Attributes:
        headings: where each heading starts and ends in the text.
    """

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.size = 0
        self.before: Block | None = None
        self.headings: list[tuple[int, int]] = []
        self.last_heading = ""

    def add(self, block: Block) -> None:
        """Append a block to the text."""
        between, text = separator(self.before, block), block.written()
        self.size += len(between)
        if block.kind == "heading":
            self.headings.append((self.size, self.size + len(text)))
            self.last_heading = f"# {block.text}"
        self.parts += [between, text]
        self.size += len(text)
        self.before = block

    def passages(self, heading: str, tokens: int, model: str) -> list[str]:
        """Return the passages of the text.

        Args:
            heading: the heading above the text.
        """
        found: list[str] = []
        whole, end, number = "".join(self.parts), 0, 0
        for start, text in _pieces(whole, tokens, model):
            while number < len(self.headings) and self.headings[number][0] < start:
                first, last = self.headings[number]
                heading, number = f"# {whole[first:last].lstrip('#').strip()}", number + 1
            # If a sentence was split, repeat its beginning, so that both parts can be understood.
            most = min(OVERLAP_CHARACTERS, len(text) // 2)
            before = whole[max(0, end - most) : end]
            cut = found and "\n" not in whole[end:start] and not sentence_ends(before)
            repeated = _last_words(before, most) if cut else ""
            begins = number < len(self.headings) and self.headings[number][0] == start
            if self._says_something(start, start + len(text), whole):
                found.append(_under("" if begins else heading, f"{repeated}{text}"))
            end = start + len(text)
        return found

    def _says_something(self, start: int, end: int, whole: str) -> bool:
        """Return whether a part of the text has words outside of its headings."""
        place = start
        for first, last in self.headings[max(0, bisect_left(self.headings, (start, 0)) - 1) :]:
            if first >= end:
                break
            if re.search(r"\w", whole[place : max(place, first)]):
                return True
            place = max(place, last)
        return bool(re.search(r"\w", whole[place:end]))


def _table_parts(text: str, tokens: int, model: str) -> Iterator[str]:
    """Yield a table in parts of at most `tokens` tokens, each with the header row.

    A row that is too long for a part is split, and its parts stand alone.
    """
    length = _length(model)
    first, rule, *rows = text.split("\n")
    header = f"{first}\n{rule}"
    above = length(header)
    if 2 * above > tokens:
        yield from (part for _, part in _pieces(text, tokens, model))
        return
    part, size = [header], above
    for row in rows:
        more = length(row) + 1
        if size + more > tokens and len(part) > 1:
            yield "\n".join(part)
            part, size = [header], above
        if above + more > tokens:
            yield from (piece for _, piece in _pieces(row, tokens, model))
        else:
            part.append(row)
            size += more
    if len(part) > 1:
        yield "\n".join(part)


def _pieces(text: str, tokens: int, model: str) -> Iterator[tuple[int, str]]:
    """Yield each piece with its start in the text.

    Long texts are passed to the splitter in parts, since it takes quadratic time for some texts.
    """
    start, most = 0, PART if text.isascii() else PART // 5
    while start < len(text):
        part = text[start : start + most]
        if start + most < len(text):
            marks = ("\n\n", "\n", "\u3002", " ")
            cuts = (part.rfind(mark) + len(mark) for mark in marks if mark in part)
            part = part[: next((cut for cut in cuts if cut > most // 2), most)]
        for place, piece in _split(part, tokens, model):
            yield start + place, piece
        start += len(part)


def _split(part: str, tokens: int, model: str) -> Sequence[tuple[int, str]]:
    file = tokenizer_at_hand(model)
    # Rounded, so that few splitters are made.
    capacity = tokens if file else max(1, round(tokens * round(len(part) / max(1.0, _estimate(part)), 1)))
    pieces: Sequence[tuple[int, str]] = _splitter(capacity, str(file or "")).chunk_indices(part)
    return pieces


def _last_words(before: str, most: int) -> str:
    """Return the last words of a line with a space after them; the first word is omitted if it is cut off.

    Of a script without spaces, return the last characters, without a space.

    Args:
        before: the `most` characters before a passage, or all that there are.
    """
    line = before.rpartition("\n")[2]
    if len(_WIDE.findall(line)) * 2 > len(line):
        return line[-(most // 2) :] if most > 1 else ""
    words = line.split()
    begun = len(line) == most and line[:1].strip()
    return "".join(f"{word} " for word in words[1 if begun else 0 :][-OVERLAP:])


def _length(model: str) -> Callable[[str], float]:
    """Return a function that counts or estimates the tokens of a text."""
    file = tokenizer_at_hand(model)
    if file is None:
        return _estimate
    tokenizer = _tokenizer(str(file))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def _estimate(text: str) -> float:
    """Estimate the number of tokens of a text."""
    if text.isascii():
        return len(text) / CHARACTERS_A_TOKEN
    wide, other = len(_WIDE.findall(text)), len(text.encode("ascii", "ignore"))
    return wide + (len(text) - wide - other) * 2 / CHARACTERS_A_TOKEN + other / CHARACTERS_A_TOKEN


@cache
def _tokenizer(file: str) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(file)


@cache
def _splitter(capacity: int, file: str) -> Any:
    """Return a splitter by tokens, or by characters if there is no tokenizer file."""
    from semantic_text_splitter import MarkdownSplitter

    if not file:
        return MarkdownSplitter(capacity)
    return MarkdownSplitter.from_huggingface_tokenizer_file(file, capacity)
