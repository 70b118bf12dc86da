"""Grading of exam answers: normalize texts and check that an answer contains the required words."""

import re
import unicodedata
from collections.abc import Sequence

from bot.text.questions import UNSPACED

# Thousands separators: 8,400 and 8 400 are 8400. A separator not followed by exactly three digits is kept.
THOUSANDS = re.compile("(?<=\\d)[,'\u2019\u00a0\u2009\u202f ](?=\\d{3}(?!\\d))")
MEANT = "#%&@"
ASCII_PUNCTUATION = re.compile(r"""[!"'()*,\-./:;?\[\\\]_{}]""")


def is_right(answer: str, must_contain: Sequence[Sequence[str] | str]) -> bool:
    """Whether an answer contains each element of `must_contain`.

    Case, accents, punctuation, spacing and thousands separators are ignored. Only whole words match: 1871 is
    not found in 18710.

    Args:
        must_contain: elements that are each a string, or a list of alternatives of which one is enough.
    """
    normalized = normal(answer)
    return all(
        any(holds(normalized, normal(one)) for one in ([element] if isinstance(element, str) else element))
        for element in must_contain
    )


def normal(text: str) -> str:
    """Normalize a text: words in lower case, separated by one space, without accents and most punctuation."""
    text = THOUSANDS.sub("", text)
    if text.isascii():
        # Same result, ten times faster; a mixture can have some hundred thousand questions.
        lower = text.lower()
        return " ".join(ASCII_PUNCTUATION.sub(lambda mark: _kept(lower, mark.start()), lower).split())
    # Remove combining marks first: NFKD sorts long sequences of them in quadratic time.
    text = "".join(char for char in text if not unicodedata.combining(char))
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = [_kept(plain, place) for place, char in enumerate(plain) if not unicodedata.combining(char)]
    return " ".join("".join(kept).split())


def holds(text: str, words: str) -> bool:
    """Whether a normalized text contains the normalized words as whole words."""
    if not words:
        return False
    if UNSPACED.search(words):
        return words in text
    before = r"(?<!\w)" if re.match(r"\w", words) else ""
    after = r"(?!\w|\.\d)" if re.search(r"\w$", words) else ""
    return re.search(before + re.escape(words) + after, text) is not None


def _kept(text: str, place: int) -> str:
    """Return the character at `place`, or a space if it is punctuation without meaning in an answer."""
    char = text[place]
    if not unicodedata.category(char).startswith("P") or char in MEANT:
        return char
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    decimal = char in ".," and before.isdigit() and after.isdigit()
    minus = unicodedata.category(char) == "Pd" and after.isdigit() and not before.isalnum()
    if decimal:
        return "."
    return "-" if minus else " "
