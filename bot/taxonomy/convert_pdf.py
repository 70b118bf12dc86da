"""Conversion of PDF documents to Markdown: pdfium finds the characters, this module the paragraphs.

A PDF has lines at places of a page, and no paragraphs. So lines are joined by the distance between them,
running heads and page numbers are left out, and a word that was divided at the end of a line is joined.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from statistics import median
from typing import Any

from bot.taxonomy.converted import Converted, Unconvertible
from bot.text.document_doubts import MOST, Doubt
from bot.text.glyphs import joined, plain_letters
from bot.text.hyphens import HYPHEN, join_hyphens
from bot.text.read_markdown import as_markdown, no_marker

MAX_PAGES = 5_000
EDGE = 3
"""Number of lines at the top and at the bottom of a page among which running heads are searched."""
_BULLET = re.compile("[\u2022\u25cf\u25aa\u25e6\u2023\u00b7\u2043\uf0b7\u25a0\u2219]\\s*|[-\u2013]\\s+")
_NUMBER = re.compile(r"(\d{1,3})([.)])\s+")
_SENTENCE_END = re.compile("[.!?:;\u3002\uff01\uff1f\u0964][\"'\u201d\u2019)\u300d]?$")
_DIGITS = re.compile(r"\d{1,6}")
_SYMBOLS = re.compile("[\u2200-\u22ff\u27c0-\u27ef\u2a00-\u2aff\U0001d400-\U0001d7ff]")
FEWEST_SYMBOLS = 3
"""Number of mathematical symbols in a line that make it an equation."""


@dataclass
class Line:
    """A line of a page.

    Attributes:
        page: the page's index.
        left, right: where the line begins and ends, in points from the left.
        base: the line's baseline, in points from the page's bottom.
        size: the font size of its first character, in points.
    """

    text: str
    page: int
    left: float
    right: float
    base: float
    size: float


@dataclass
class _Paragraph:
    marker: str
    lines: list[Line]


def convert_pdf(content: bytes) -> Converted:
    """Convert a PDF file that contains text.

    Raises:
        Unconvertible: the file is locked with a password or has over MAX_PAGES pages.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise Unconvertible("is locked with a password", "save a copy without the password") from None
        raise
    if len(document) > MAX_PAGES:
        raise Unconvertible(f"has over {MAX_PAGES:,} pages")
    pages: list[list[Line]] = []
    doubts: list[Doubt] = []
    for number in range(len(document)):
        page = _Page(document[number], number)
        pages.append(page.lines)
        doubts += page.doubts()
        page.close()
    text = "\n\n".join(_texts(without_running_heads(pages)))
    return Converted(join_hyphens(text), tuple(_limited(doubts)))


def _limited(doubts: Sequence[Doubt]) -> Iterator[Doubt]:
    """Yield the first MOST doubts of each kind."""
    seen: Counter[str] = Counter()
    for doubt in doubts:
        seen[doubt.hint] += 1
        if seen[doubt.hint] <= MOST:
            yield doubt


class _Page:
    """The lines of one page."""

    def __init__(self, page: Any, number: int) -> None:
        self.page, self.number = page, number
        self.text = page.get_textpage()
        self.unknown = 0
        self.lines = [line for line in self._lines() if line.text.strip()]

    def close(self) -> None:
        self.text.close()
        self.page.close()

    def doubts(self) -> Iterator[Doubt]:
        """Yield what is uncertain on this page."""
        where = f"on page {self.number + 1}"
        if not self.lines and any(True for _ in self.page.get_objects(filter=[_IMAGE])):
            yield Doubt(f"has an image and no text {where}", "if it is a scan, run OCR on it")
        if self.unknown:
            yield Doubt(
                f"has {self.unknown} unknown characters {where}", "use a PDF with embedded Unicode fonts"
            )
        if any(len(_SYMBOLS.findall(line.text)) >= FEWEST_SYMBOLS for line in self.lines):
            yield Doubt(f"has an equation {where}, which may be out of order", "say in words what it means")

    def _lines(self) -> Iterator[Line]:
        """Yield the lines in the order in which pdfium reads them."""
        from pypdfium2 import raw

        chars: list[str] = []
        first = last = -1
        for index in range(self.text.count_chars()):
            code = raw.FPDFText_GetUnicode(self.text, index)
            if code in (10, 13):
                if first >= 0:
                    yield self._line("".join(chars), first, last)
                first, chars = -1, []
                continue
            hyphen = raw.FPDFText_IsHyphen(self.text, index) == 1
            self.unknown += code == 0xFFFD or raw.FPDFText_HasUnicodeMapError(self.text, index) == 1
            chars.append(HYPHEN if hyphen else chr(code) if 31 < code < 0x110000 else " ")
            if code > 32:
                first, last = first if first >= 0 else index, index
        if first >= 0:
            yield self._line("".join(chars), first, last)

    def _line(self, text: str, first: int, last: int) -> Line:
        from ctypes import byref, c_double

        from pypdfium2 import raw

        x, y = c_double(), c_double()
        raw.FPDFText_GetCharOrigin(self.text, first, byref(x), byref(y))
        _, _, right, _ = self.text.get_charbox(last)
        left, _, first_right, _ = self.text.get_charbox(first)
        size = raw.FPDFText_GetFontSize(self.text, first)
        return Line(text, self.number, min(left, right), max(right, first_right), y.value, size)


_IMAGE = 3
"""pdfium's FPDF_PAGEOBJ_IMAGE."""


def without_running_heads(pages: Sequence[Sequence[Line]]) -> list[Line]:
    """Return the lines of all pages but those that most pages have at the same place, such as page numbers.

    Left and right pages may differ, so it is enough that 40% of the pages have a line.
    """
    places: Counter[tuple[str, int]] = Counter()
    for lines in pages:
        places.update({key for line in _edges(lines) for key in _keys(line)})
    wanted = max(2, math.ceil(0.4 * sum(1 for lines in pages if lines)))
    kept = []
    for lines in pages:
        edges = {id(line) for line in _edges(lines)}
        kept += [
            line
            for line in lines
            if id(line) not in edges or all(places[key] < wanted for key in _keys(line))
        ]
    return kept


def _edges(lines: Sequence[Line]) -> list[Line]:
    """Return the highest and the lowest lines of a page."""
    ordered = sorted(lines, key=lambda line: -line.base)
    return ordered if len(ordered) <= 2 * EDGE else [*ordered[:EDGE], *ordered[-EDGE:]]


def _keys(line: Line) -> set[tuple[str, int]]:
    """Return what a line has in common with the lines of other pages at its place.

    This is its text, with its first, its last or all of its numbers counted from the page's own number.
    """
    text = " ".join(line.text.split())
    numbers = [(found.start(), int(found[0])) for found in _DIGITS.finditer(text)]
    keys = {text}
    for chosen in (numbers[:1], numbers[-1:], numbers):
        relative = {start: f"#{number - line.page}" for start, number in chosen}
        parts = [relative.get(found.start(), found[0]) for found in _DIGITS.finditer(text)]
        keys.add("".join(sum(zip_longest(_DIGITS.split(text), parts, fillvalue=""), ())))
    return {(key, round(line.base / 3)) for key in keys}


def _texts(lines: Sequence[Line]) -> Iterator[str]:
    """Yield the paragraphs of lines as Markdown; the items of a list are one text."""
    items: list[str] = []
    for paragraph in _paragraphs(lines):
        if items and (items[-1][:2] == "- ") != (paragraph.marker == "- "):
            yield "\n".join(items)
            items = []
        text = plain_letters(joined("\n".join(line.text for line in paragraph.lines)))
        text = no_marker(as_markdown(text))
        if paragraph.marker:
            items.append(f"{paragraph.marker}{text}")
        else:
            yield text
    if items:
        yield "\n".join(items)


def _paragraphs(lines: Sequence[Line]) -> list[_Paragraph]:
    gaps = [
        before.base - line.base
        for before, line in pairwise(lines)
        if before.page == line.page and 0 < before.base - line.base < 4 * max(line.size, 4)
    ]
    usual = median(gaps) if gaps else 0.0
    widest = _widest(lines)
    found: list[_Paragraph] = []
    for line in lines:
        marker = _marker(line, found)
        if found and not marker and not _breaks(found[-1], line, usual, widest[line.page]):
            found[-1].lines.append(line)
        else:
            found.append(_Paragraph(marker, [line]))
    return found


def _widest(lines: Sequence[Line]) -> dict[int, float]:
    """Return where the longest line of each page ends."""
    widest: dict[int, float] = {}
    for line in lines:
        widest[line.page] = max(widest.get(line.page, 0.0), line.right)
    return widest


def _marker(line: Line, found: Sequence[_Paragraph]) -> str:
    """Return the list marker at the start of a line, and remove it from the line."""
    text = line.text.lstrip()
    bullet, number = _BULLET.match(text), _NUMBER.match(text)
    if bullet and len(text) > bullet.end():
        line.text = text[bullet.end() :]
        return "- "
    if number and len(text) > number.end():
        last = _NUMBER.match(found[-1].marker) if found else None
        if number[1] == "1" or (last and int(last[1]) + 1 == int(number[1])):
            line.text = text[number.end() :]
            return f"{number[1]}{number[2]} "
    return ""


def _breaks(paragraph: _Paragraph, line: Line, usual: float, widest: float) -> bool:
    """Return whether a line begins another paragraph."""
    before = paragraph.lines[-1]
    ended = bool(_SENTENCE_END.search(before.text.rstrip()))
    if abs(before.size - line.size) > 0.1 * max(before.size, line.size):
        return True
    gap = before.base - line.base
    if before.page != line.page or gap < -0.5 * line.size:  # the next page or column
        return ended or bool(paragraph.marker)
    if usual and gap > 1.35 * usual:
        return True
    indented = line.left > before.left + 0.8 * line.size and len(paragraph.lines) > 1
    short = before.right < 0.8 * widest
    return ended and (indented or short)
