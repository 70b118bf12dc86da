"""Normalization of questions for comparisons between leaves."""

import re
import unicodedata

# Scripts without spaces between words (Thai, Lao, Burmese, Khmer, Japanese, Chinese).
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"\w+")
# Minimum lengths of a whole question.
FEWEST_WORDS, FEWEST_CHARACTERS, FEWEST_UNSPACED = 3, 12, 4


def question_words(text: str) -> tuple[str, ...]:
    """Return a question's words without case, accents and punctuation."""
    if not text.isascii():
        # Remove combining marks first: NFKD sorts long sequences of them in quadratic time.
        plain = "".join(char for char in text if not unicodedata.combining(char))
        text = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    return tuple(_WORD.findall(text.casefold()))


def is_whole_question(text: str) -> bool:
    """Whether a question is long enough to be distinguished from parts of others; `?` and `who` are not."""
    words = question_words(text)
    normalized = " ".join(words)
    if UNSPACED.search(normalized):
        return len(normalized) >= FEWEST_UNSPACED
    return len(words) >= FEWEST_WORDS or len(normalized) >= FEWEST_CHARACTERS
