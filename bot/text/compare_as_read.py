"""Compare texts as a person reads them."""

import re
import unicodedata

from bot.text.glyphs import UNSPACED

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]"
)
# The mark of a footnote: [1], [^note], or a raised number after a word or a sentence.
_NOTE = re.compile(
    "\\[\\^[^\\[\\]\\s]{1,20}\\]|\\[(?:\\d{1,3}|[a-z]|edit|citation needed)\\]"
    "|(?:(?<=[^\\W\\d_]{4})|(?<=[.,;:!?]))[\u00b9\u00b2\u00b3\u2070\u2074-\u2079]+"
)
_TYPOGRAPHY = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4`", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        "\u2026": "...",
    }
)
# A hyphen within a word, also with white space after it: at the end of a line it may be either.
_WITHIN = re.compile(r"(?<=[^\W\d_])-\s*(?=[^\W\d_])")
_BESIDE_UNSPACED = re.compile(rf"(?<=[{UNSPACED}])\s+|\s+(?=[{UNSPACED}])")


def as_read(text: str) -> str:
    """Return a text in a form that is the same for all ways to write what a person reads alike.

    Ligatures, full-width forms, typographic quotes and dashes become plain characters. Marks of footnotes,
    invisible characters, hyphens within words, and white space beside a script without spaces are removed.
    Other white space becomes one space.
    """
    if not text.isascii():
        text = _INVISIBLE.sub("", text)
    text = _NOTE.sub("", text)
    if not text.isascii():
        # Characters are normalized one by one: NFKC sorts long runs of combining marks in quadratic time.
        text = _BESIDE_UNSPACED.sub("", "".join(map(_composed, text.translate(_TYPOGRAPHY))))
    return re.sub(r"\s+", " ", _WITHIN.sub("", text.replace("`", "'"))).strip()


def _composed(char: str) -> str:
    return char if char.isascii() else unicodedata.normalize("NFKC", char)
