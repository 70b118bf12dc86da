"""Texts taken apart: sentences, paragraphs, titles, names, and the words that carry an answer."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import takewhile

from bot.taxonomy.leaf import Leaf
from bot.words import normal

# A sentence ends with its mark and a space before no small letter; in Chinese and Japanese with its mark.
SENTENCE_END = re.compile(
    "(?:(?<=[.!?])|(?<=[.!?][\"'\u201d\u2019)]))\\s+(?=[\"'\u201c\u2018(]?[^\\W_a-z])|(?<=[\u3002\uff01\uff1f])"
)
WORD = re.compile("\\w[\\w'\u2019-]*")
# Its address may hold one pair of brackets.
LINK = re.compile(r"\[([^\[\]]+)\]\((?:[^()]|\([^()]*\))*+\)")
POSSESSIVE = re.compile("['\u2019]s?$")
# Words that say nothing about what a question is on.
LITTLE_WORDS = """
    s t a about after all also an and any are as at be been before by can did do does for from had has have he
    her his how i if in into is it its made many me much my name named no not of on one or she so some such
    tell than that the their them then there these they this those to up was we were what when where which
    who whom whose why will with would year you your
"""
COMMON = frozenset(LITTLE_WORDS.split())
# The share of a leaf's questions that a word must be in to be what the leaf is about.
SUBJECT_SHARE = 0.3


def sentences(text: str) -> list[str]:
    """Sentences of a paragraph."""
    return [part.strip() for part in SENTENCE_END.split(text) if part.strip()]


def paragraphs(markdown: str) -> list[str]:
    """Paragraphs of running text; headings, tables, code and pictures are left out."""
    kept = []
    for block in re.split(r"\n\s*\n", _without_code(markdown)):
        lines = [line.strip() for line in block.splitlines() if not re.match(r"\s*([#|<]|!\[|---)", line)]
        text = " ".join(" ".join(re.sub(r"^([-*+]|\d+\.)\s+", "", line) for line in lines).split())
        text = LINK.sub(r"\1", text).replace("**", "")
        if re.search(r"\w", text):
            kept.append(text)
    return kept


def _without_code(markdown: str) -> str:
    """Markdown without its fenced code; a fence that is not closed is text."""
    lines = markdown.split("\n")
    closing = {mark: [n for n, line in enumerate(lines) if line.rstrip() == mark] for mark in ("```", "~~~")}
    kept, number = [], 0
    while number < len(lines):
        ends = closing.get(lines[number][:3], [])
        place = bisect_right(ends, number)
        closed = place < len(ends)
        kept.append("" if closed else lines[number])
        number = ends[place] + 1 if closed else number + 1
    return "\n".join(kept)


def title(leaf: Leaf) -> str:
    """What the leaf is about: its document's first heading, or else its folder's name."""
    for document in leaf.documents:
        heading = re.search(r"(?m)^#[ \t]+(\S.*)$", document.text)
        if heading:
            return heading[1].strip()
    return leaf.path.rsplit("/", 1)[-1].replace("_", " ")


def words(text: str) -> list[str]:
    """The words that carry meaning, in normal form."""
    return [word for word in normal(text).split() if word not in COMMON]


def stem(word: str) -> str:
    """A word without its ending: near enough to tell "founded" and "founds" for one word."""
    for ending in ("ing", "ed", "es", "s", "ly", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def key_words(question: str, answer: str) -> set[str]:
    """What the answer adds to the question; the whole answer where it adds nothing."""
    said, asked = set(words(answer)), {stem(word) for word in words(question)}
    return {word for word in said if stem(word) not in asked} or said


def subject_words(questions: Iterable[str]) -> set[str]:
    """Words that a leaf's questions come back to: what it is about."""
    all_questions = [set(words(question)) for question in questions]
    seen = Counter(word for question in all_questions for word in question)
    return {w for w, n in seen.items() if n >= max(2, SUBJECT_SHARE * len(all_questions)) and len(w) > 3}


def names(question: str, subject: Iterable[str]) -> tuple[str, ...]:
    """Words that must come back whole when a question is put in other words.

    They are those with a capital or a digit that do not open the sentence, and the leaf's subject.
    """
    about = set(subject)
    found = []
    for place, word in enumerate(WORD.findall(question)):
        bare = POSSESSIVE.sub("", word)
        marked = place > 0 and (bare[0].isupper() or any(c.isdigit() for c in bare)) and bare != "I"
        if marked or normal(bare) in about:
            found.append(bare)
    return tuple(dict.fromkeys(found))


def common_start(texts: Sequence[str]) -> str:
    """The whole words that all texts begin with."""
    start = _common(texts)
    if any(start != text and text[len(start) : len(start) + 1].isalnum() for text in texts):
        start = start[: len(start) - len(start.split(" ")[-1])]
    return start.rstrip()


def common_end(texts: Sequence[str]) -> str:
    """The whole words that all texts end with."""
    end = _common([text[::-1] for text in texts])[::-1]
    if any(text != end and text[-len(end) - 1].isalnum() for text in texts):
        end = end[len(end.split(" ")[0]) :]
    return end.lstrip(" .,;:!?")


def _common(texts: Sequence[str]) -> str:
    """The characters that all texts begin with."""
    return "".join(
        column[0] for column in takewhile(lambda column: len(set(column)) == 1, zip(*texts, strict=False))
    )
