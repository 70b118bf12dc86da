"""Characters that stand for other characters: ligatures, invisible marks, and scripts without spaces."""

import re
import unicodedata

# Ligatures and presentation forms, which a font uses for plain letters.
_FORMS = re.compile("[\ufb00-\ufb4f\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc]+")
# Marks without a shape. The joiners U+200C and U+200D stay: they change the spelling of Persian and Hindi.
_SHAPELESS = re.compile("[\u00ad\u200b\u2060\ufeff]")
_SUPERSCRIPTS = str.maketrans(
    "0123456789+-", "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207a\u207b"
)
# Thai, Lao, Burmese, Khmer, Chinese and Japanese, with their punctuation and full-width forms.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60"
_LINE_END = re.compile(rf"[ \t\r]*\n\s*|(?<=[{UNSPACED}])[ \t]+\n\s*")
_NO_SPACE = re.compile(rf"(?<=[{UNSPACED}])\n(?=[{UNSPACED}])")
_NOTE_MARK = re.compile(r"\[[^\[\]]{0,12}\]|[*\u2020\u2021]")


def plain_letters(text: str) -> str:
    """Replace ligatures and presentation forms by plain letters, and remove shapeless marks."""
    if text.isascii():
        return text
    text = _FORMS.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    return _SHAPELESS.sub("", text)


def joined(text: str) -> str:
    """Join the lines of a paragraph: with a space, or without one between characters of a script without."""
    return " ".join(_NO_SPACE.sub("", _LINE_END.sub("\n", text.strip())).split())


def raised(text: str, before: str) -> str:
    """Return superscript text as plain characters: "" for the mark of a note, "²" for 2.

    Args:
        before: the text that precedes it; a number after a word or a sentence is the mark of a note.
    """
    text = text.strip()
    if _NOTE_MARK.fullmatch(text):
        return ""
    if not re.fullmatch(r"[+-]?\d{1,6}", text):
        return text
    noted = re.search(r"([^\W\d_]{4}|[.,;:!?\"'\u201d\u2019)])\s?$", before[-8:])
    return "" if noted else text.translate(_SUPERSCRIPTS)
