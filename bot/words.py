"""Is an answer right? It holds what it must contain, however it is written."""

import re
import unicodedata
from collections.abc import Sequence

from bot.questions import UNSPACED

# 8,400 and 8 400 are 8400; a comma that does not stand before three digits stays what it is.
THOUSANDS = re.compile("(?<=\\d)[,'\u2019\u00a0\u2009\u202f ](?=\\d{3}(?!\\d))")
MEANT = "#%&@"
ASCII_PUNCTUATION = re.compile(r"""[!"'()*,\-./:;?\[\\\]_{}]""")


def is_right(answer: str, must_contain: Sequence[Sequence[str] | str]) -> bool:
    """Whether an answer holds each element of `must_contain`.

    Case, accents, punctuation, spacing and the way thousands are written do not matter; words are matched
    whole, so 1871 is not in 18710.

    Args:
        must_contain: each element a string, or alternatives of which one is enough.
    """
    said = normal(answer)
    return all(
        any(holds(said, normal(one)) for one in ([element] if isinstance(element, str) else element))
        for element in must_contain
    )


def normal(text: str) -> str:
    """A text without what does not matter in an answer: lower case words with one space between them."""
    text = THOUSANDS.sub("", text)
    if text.isascii():
        # The same, ten times as fast: a mixture has some hundred thousand questions.
        lower = text.lower()
        return " ".join(ASCII_PUNCTUATION.sub(lambda mark: _kept(lower, mark.start()), lower).split())
    # Marks are left out, and long rows of them would be sorted in quadratic time.
    text = "".join(char for char in text if not unicodedata.combining(char))
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = [_kept(plain, place) for place, char in enumerate(plain) if not unicodedata.combining(char)]
    return " ".join("".join(kept).split())


def holds(text: str, words: str) -> bool:
    """Whether a normal text holds these normal words, whole."""
    if not words:
        return False
    if UNSPACED.search(words):
        return words in text
    before = r"(?<!\w)" if re.match(r"\w", words) else ""
    after = r"(?!\w|\.\d)" if re.search(r"\w$", words) else ""
    return re.search(before + re.escape(words) + after, text) is not None


def _kept(text: str, place: int) -> str:
    """A character of a text, or a space in its place where it is punctuation that says nothing."""
    char = text[place]
    if not unicodedata.category(char).startswith("P") or char in MEANT:
        return char
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    decimal = char in ".," and before.isdigit() and after.isdigit()
    minus = unicodedata.category(char) == "Pd" and after.isdigit() and not before.isalnum()
    if decimal:
        return "."
    return "-" if minus else " "
