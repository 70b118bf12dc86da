"""Questions as they are compared between leaves, without what makes no difference."""

import re
import unicodedata

# Scripts that put no space between words: there, a word is found anywhere.
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"\w+")
# Of a whole question.
FEWEST_WORDS, FEWEST_CHARACTERS, FEWEST_UNSPACED = 3, 12, 4


def question_words(text: str) -> tuple[str, ...]:
    """A question's words without case, accents, punctuation and spacing."""
    if not text.isascii():
        # Marks are left out first: long rows of them would be sorted in quadratic time.
        plain = "".join(char for char in text if not unicodedata.combining(char))
        text = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    return tuple(_WORD.findall(text.casefold()))


def is_whole_question(text: str) -> bool:
    """Whether a question says enough to be told from parts of others: `?` and `who` do not."""
    words = question_words(text)
    said = " ".join(words)
    if UNSPACED.search(said):
        return len(said) >= FEWEST_UNSPACED
    return len(words) >= FEWEST_WORDS or len(said) >= FEWEST_CHARACTERS
