"""Find places of a document whose text may differ from what a reader of the original sees."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST = 5
"""Maximum number of places that are told for each kind of doubt."""


@dataclass(frozen=True)
class Doubt:
    """A place of a document that may have been converted wrongly.

    Attributes:
        message: what is uncertain; it continues a sentence after the document's name.
        hint: how to fix it.
        line: the line in the document's file; 1 if the file has no lines, such as a PDF.
    """

    message: str
    hint: str
    line: int = 1


_GLYPHS = re.compile("\\(cid:\\d{1,6}\\)|[\ufffd\ue000-\uf8ff]")
# UTF-8 that was read as Latin-1 or Windows-1252: "Ã©" for "é", "â€™" for an apostrophe.
_MOJIBAKE = re.compile(
    "[\u00c2\u00c3][\u0080-\u00bf\u0192\u02c6\u2018-\u201e\u2020-\u2022]|\u00e2\u20ac[\u0080-\u2122]"
)
# Letters that stand only at the end of a Hebrew or an Arabic word.
_FIRST = re.compile("(?<![\u0590-\u06ff])[\u05da\u05dd\u05df\u05e3\u05e5\u0629\u0649](?=[\u0590-\u06ff])")
_LAST = re.compile("(?<=[\u0590-\u06ff])[\u05da\u05dd\u05df\u05e3\u05e5\u0629\u0649](?![\u0590-\u06ff])")
_EQUATION = re.compile(r"\$\$|\\\[|\\\(|\\begin\{|(?<!\\)\$\\?[^\W_](?:[^$\n]{0,100}[=^_\\][^$\n]{0,100})\$")
_MERGED = re.compile(r"(?i)<t[dh]\b[^<>]{0,300}\b(?:row|col)span\s*=\s*[\"']?\d*[2-9]")
_KINDS = (
    (
        _GLYPHS,
        "has {found!r} in place of an unknown character",
        "write the character, or use another copy of the file",
    ),
    (
        _MOJIBAKE,
        "has {found!r}, which looks like UTF-8 text that was read in another encoding",
        "save it as UTF-8",
    ),
)
MARKDOWN_KINDS = (
    (_EQUATION, "has an equation, {found!r}, which is taught as its source", "say in words what it means"),
    (
        _MERGED,
        "has a table with merged cells in HTML",
        "write it as a Markdown table with a value in each cell",
    ),
)


def doubts(text: str, *, markdown: bool = True) -> list[Doubt]:
    """Return what is uncertain in a text, in the order of its kinds.

    Args:
        markdown: also look for equations and HTML tables.
    """
    kinds = (*_KINDS, *(MARKDOWN_KINDS if markdown else ()))
    found = [doubt for kind in kinds for doubt in _of_a_kind(text, *kind)]
    first = _FIRST.search(text)
    if first and len(_FIRST.findall(text)) > len(_LAST.findall(text)):
        line = text.count("\n", 0, first.start()) + 1
        found.append(
            Doubt("seems to have its right-to-left words in reverse", "paste the text in its order", line)
        )
    return found


def _of_a_kind(text: str, expression: re.Pattern[str], message: str, hint: str) -> Iterator[Doubt]:
    """Yield at most MOST doubts, one for each line."""
    line, place, told = 1, 0, 0
    last = 0
    for found in expression.finditer(text):
        line, place = line + text.count("\n", place, found.start()), found.start()
        if line != last:
            told, last = told + 1, line
            yield Doubt(message.format(found=found[0][:40]), hint, line)
        if told == MOST:
            return
