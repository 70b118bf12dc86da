"""Normalization of questions for comparisons between leaves."""

import re
import unicodedata

# Scripts without spaces between words (Thai, Lao, Burmese, Khmer, Japanese, Chinese).
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"\w+")
# Minimum lengths of a whole question.
FEWEST_WORDS, FEWEST_CHARACTERS, FEWEST_UNSPACED = 3, 12, 4
PARTS_OF_LETTERS = (0, 8, 9)
"""Unicode combining classes that are no accents: none, the marks of Japanese kana, and viramas."""


def question_words(text: str) -> tuple[str, ...]:
    """Return a question's words without case, accents and punctuation."""
    return tuple(_WORD.findall(without_accents(text.casefold())))


def without_accents(text: str) -> str:
    """Remove accents from a text, in compatibility form: é is e, but が is not か."""
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKD", "".join(_single_marks(text)))
    kept = "".join(char for char in plain if unicodedata.combining(char) in PARTS_OF_LETTERS)
    return unicodedata.normalize("NFC", kept)


def _single_marks(text: str) -> list[str]:
    """Remove accents, and all but the first of consecutive marks: NFKD sorts these in quadratic time."""
    kept, marked = [], False
    for char in text:
        kind = unicodedata.combining(char)
        if kind == 0 or (kind in PARTS_OF_LETTERS and not marked):
            kept.append(char)
        marked = kind != 0
    return kept


def is_whole_question(text: str) -> bool:
    """Whether a question is long enough to be distinguished from parts of others; `?` and `who` are not."""
    words = question_words(text)
    normalized = " ".join(words)
    if UNSPACED.search(normalized):
        return len(normalized) >= FEWEST_UNSPACED
    return len(words) >= FEWEST_WORDS or len(normalized) >= FEWEST_CHARACTERS
