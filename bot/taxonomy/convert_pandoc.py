"""Conversion of HTML and DOCX documents to Markdown with pandoc.

Pandoc reads the document and prints its syntax tree as JSON; this module writes the tree as plain Markdown:
headings, paragraphs, lists, tables and code, without links, emphasis and images. Notes become paragraphs of
their own. Cells that are merged are repeated, so that each row is complete.
"""

import codecs
import io
import json
import re
import subprocess
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bot.taxonomy.converted import Converted, Unconvertible
from bot.text.document_doubts import Doubt
from bot.text.glyphs import joined, plain_letters, raised
from bot.text.read_markdown import as_markdown, no_marker, table

MAX_UNPACKED = 200_000_000
MAX_MEMORY = "1500M"
TIMEOUT_S = 50
"""For pandoc; less than the time limit of the process that starts it."""
MOST_DOUBTS = 20
MAX_CELLS = 100_000
"""Maximum number of cells of one table, merged cells counted as often as they are repeated."""
WIDEST = 1_000
"""Maximum number of columns that a cell is merged over, as in browsers."""
# Page furniture, and what a browser does not show. `rt` and `rp` are pronunciations beside the text.
UNSEEN = (
    *("head", "script", "style", "template", "noscript", "nav", "footer", "svg", "img", "object", "iframe"),
    *("button", "select", "rt", "rp", "del", "s"),
)
FURNITURE = (
    "//*[@role='navigation' or @id='mw-navigation' or contains(@class, 'mw-editsection')"
    " or contains(@class, 'navbox') or contains(@class, 'noprint')]"
)
_DECLARED = re.compile(rb"(?i)<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([\w.:-]{1,40})")


def convert_html(content: bytes) -> Converted:
    """Convert an HTML page; a page's declared encoding counts, then UTF-8, then Windows-1252."""
    from lxml import etree, html

    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    source = _decoded(content).replace("\0", "").encode(errors="replace")
    if not source.strip():
        return Converted("")
    page = html.document_fromstring(source, parser=parser, ensure_head_body=True)
    if any("depth" in entry.message for entry in parser.error_log):
        raise Unconvertible("is nested too deeply")
    etree.strip_elements(page, *UNSEEN, with_tail=False)
    for tag in page.xpath(FURNITURE):
        tag.drop_tree()
    for table_ in page.iter("table"):
        _bound_spans(table_)
    return _converted("html", html.tostring(_main_part(page), encoding="utf-8"))


def _bound_spans(table_: Any) -> None:
    """Reduce column spans that exceed a table's number of columns, such as 100 for the whole width."""
    rows = [[cell for cell in row if cell.tag in ("td", "th")] for row in table_.findall(".//tr")]
    columns, open_, ends = 0, 0, Counter[int]()
    for number, row in enumerate(rows):
        open_ -= ends[number]
        columns = max(columns, len(row) + open_)
        for height in (_span(cell, "rowspan") for cell in row):
            if height > 1:
                open_ += 1
                ends[number + height] += 1
    for cell in (cell for row in rows for cell in row if "colspan" in cell.attrib):
        cell.attrib["colspan"] = str(min(_span(cell, "colspan"), columns))


def _span(cell: Any, name: str) -> int:
    value = cell.attrib.get(name, "").strip()
    return int(value) if value.isdecimal() and 0 < len(value) < 9 else 1


def _main_part(page: Any) -> Any:
    """Return a page's <main> if it has most of the page's text, else the page with its <main> as <div>.

    Pandoc would always drop what is beside <main>.
    """
    mains = page.findall(".//main")
    if len(mains) == 1 and 2 * len(mains[0].text_content()) > len(page.text_content()):
        return mains[0]
    for tag in mains:
        tag.tag = "div"
    return page


def _decoded(content: bytes) -> str:
    marks = (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    )
    for mark, name in marks:
        if content.startswith(mark):
            return content[len(mark) :].decode(name, errors="replace")
    declared = _DECLARED.search(content[:4_096])
    for name in (declared[1].decode() if declared else "", "utf-8"):
        with suppress(LookupError, UnicodeDecodeError):
            if name:
                return content.decode(name)
    return content.decode("windows-1252", errors="replace")


def convert_docx(content: bytes) -> Converted:
    """Convert a DOCX file.

    Raises:
        Unconvertible: the file unpacks to more than MAX_UNPACKED bytes.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        unpacked = sum(member.file_size for member in packed.infolist())
    if unpacked > MAX_UNPACKED:
        raise Unconvertible(f"unpacks to {unpacked // 1_000_000:,} MB")
    return _converted("docx", content)


def _converted(format_: str, content: bytes) -> Converted:
    tree = _Tree()
    text = tree.document(json.loads(_pandoc(format_, content)))
    return Converted(text, tuple(dict.fromkeys(tree.doubts))[:MOST_DOUBTS])


def _pandoc(format_: str, content: bytes) -> bytes:
    """Run pandoc, which with --sandbox reads and writes no file and uses no network."""
    import pypandoc

    program = Path(pypandoc.__file__).with_name("files") / "pandoc"
    limits = ["+RTS", f"-M{MAX_MEMORY}", "-RTS"]
    try:
        done = subprocess.run(
            [str(program), "--sandbox", "--from", format_, "--to", "json", *limits],
            input=content,
            capture_output=True,
            env={"LC_ALL": "C.UTF-8"},
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise Unconvertible(f"takes over {TIMEOUT_S} s to convert") from None
    if done.returncode == 251:  # the exit status of Haskell programs for a heap overflow
        raise MemoryError
    if done.returncode:
        raise ValueError(done.stderr.decode(errors="replace")[-200:])
    return done.stdout


class _Tree:
    """Writes pandoc's syntax tree as Markdown.

    Attributes:
        doubts: what may be wrong in the result.
    """

    def __init__(self) -> None:
        self.doubts: list[Doubt] = []
        self.notes: list[Any] = []

    def document(self, tree: dict[str, Any]) -> str:
        return "\n\n".join(text for block in tree["blocks"] for text in self.with_notes(block))

    def with_notes(self, block: dict[str, Any]) -> Iterator[str]:
        """Yield a block's texts, and then those of the notes in it."""
        yield from self.block(block)
        while self.notes:
            for part in self.notes.pop(0):
                yield from self.block(part)

    def block(self, block: dict[str, Any]) -> Iterator[str]:
        """Yield the texts of a block; an empty line goes between them."""
        kind: str = block["t"]
        content: Any = block.get("c")
        match kind:
            case "Plain" | "Para":
                yield from filter(None, [self.line(content)])
            case "LineBlock":
                yield from filter(None, [self.line(line) for line in content])
            case "Header":
                text = self.line(content[2])
                if text:
                    yield f"{'#' * content[0]} {text}"
            case "CodeBlock":
                mark = "~~~~" if "```" in content[1] else "```"
                yield f"{mark}\n{content[1]}\n{mark}"
            case "BulletList":
                yield self.items(content, ["-"] * len(content))
            case "OrderedList":
                yield self.items(content[1], [f"{content[0][0] + n}." for n in range(len(content[1]))])
            case "DefinitionList":
                for term, meanings in content:
                    yield from filter(None, [self.line(term)])
                    for meaning in meanings:
                        yield from self.all(meaning)
            case "BlockQuote":
                yield from self.all(content)
            case "Div":
                yield from self.all(content[1])
            case "Figure":
                yield from self.all(content[2])
            case "Table":
                yield from self.table(content)

    def all(self, blocks: Sequence[dict[str, Any]]) -> Iterator[str]:
        for block in blocks:
            yield from self.block(block)

    def items(self, items: Sequence[Sequence[dict[str, Any]]], marks: Sequence[str]) -> str:
        lines = []
        for item, mark in zip(items, marks, strict=True):
            text = "\n\n".join(self.all(item))
            indent = " " * (len(mark) + 1)
            lines.append(f"{mark} {text}".replace("\n", f"\n{indent}").replace(f"\n{indent}\n", "\n\n"))
        return "\n".join(lines)

    def line(self, inlines: Sequence[dict[str, Any]]) -> str:
        """Return inline elements as one line of Markdown."""
        text = plain_letters(joined("".join(self.inlines(inlines))))
        return no_marker(as_markdown(text))

    def inlines(self, inlines: Sequence[dict[str, Any]]) -> Iterator[str]:
        before = ""
        for inline in inlines:
            text = "".join(self.inline(inline, before))
            before = (before + text)[-8:]
            yield text

    def inline(self, inline: dict[str, Any], before: str) -> Iterator[str]:
        kind: str = inline["t"]
        content: Any = inline.get("c")
        match kind:
            case "Str":
                yield content
            case "Space":
                yield " "
            case "SoftBreak" | "LineBreak":
                yield "\n"
            case "Emph" | "Underline" | "Strong" | "SmallCaps" | "Subscript":
                yield from self.inlines(content)
            case "Superscript":
                yield raised("".join(self.inlines(content)), before)
            case "Quoted":
                marks = "\u2018\u2019" if content[0]["t"] == "SingleQuote" else "\u201c\u201d"
                yield f"{marks[0]}{''.join(self.inlines(content[1]))}{marks[1]}"
            case "Cite" | "Span" | "Link":
                yield from self.inlines(content[1])
            case "Code":
                yield content[1]
            case "Math":
                message = f"has an equation, which is taught as {content[1][:40]!r}"
                self.doubts.append(Doubt(message, "say in words what it means"))
                yield content[1]
            case "Note":
                self.notes.append(content)

    def table(self, content: list[Any]) -> Iterator[str]:
        _, caption, _, head, bodies, foot = content
        yield from self.all(caption[1])
        rows = [*head[1]]
        for body in bodies:
            rows += [*body[2], *body[3]]
        grid = self.grid([row[1] for row in (*rows, *foot[1])])
        if any(any(row) for row in grid):
            yield table(grid)

    def grid(self, rows: Sequence[Sequence[Any]]) -> list[list[str]]:
        """Return the cells of each row; the text of a merged cell stands in each of its places."""
        cells: dict[tuple[int, int], str] = {}
        starts: set[int] = set()
        merged = ""
        for y, row in enumerate(rows):
            x = 0
            for _, _, height, width, blocks in row:
                while (y, x) in cells:
                    x += 1
                text = " ".join(" ".join(self.all(blocks)).split())
                height, width = min(height, len(rows) - y), min(width, WIDEST)
                if len(cells) + height * width > MAX_CELLS:
                    raise Unconvertible(f"has a table of over {MAX_CELLS:,} cells")
                merged = merged or (text[:40] if height * width > 1 else "")
                cells |= {(y + down, x + right): text for down in range(height) for right in range(width)}
                starts.add(x)
                x += width
        if merged:
            message = f"has a table with merged cells; {merged!r} is repeated in each of them"
            self.doubts.append(Doubt(message, "write a value into each cell"))
        # A cell may claim more columns than the table has.
        return [[cells.get((y, x), "") for x in sorted(starts)] for y in range(len(rows))]
