"""Read Markdown as a person sees it: its headings, paragraphs, list items, tables and code as plain text.

Front matter, link addresses, footnote marks, emphasis, images and comments are not text. The parser is
markdown-it-py, in its CommonMark mode with GitHub's tables, strikethrough and footnotes.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Literal

from bot.text.glyphs import joined, plain_letters, raised

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

BlockKind = Literal["heading", "paragraph", "item", "table", "code"]
PIECE = 4_000
"""Number of characters that are searched for markup at once: a link or an emphasis does not span more."""
ESCAPED = "\\|"
"""A vertical bar in a cell of a table."""
LONG = 1_000
"""Number of characters from which on a piece that is mostly markup is taken as it is."""
DEEPEST = 20
"""Maximum nesting of quotes and lists."""
_FRONT_MATTER = re.compile(
    r"\A\ufeff?(?:---[ \t]*\n(?:(?!---).*\n)*---|\+\+\+[ \t]*\n(?:(?!\+\+\+).*\n)*\+\+\+)[ \t]*(?:\n|\Z)"
)
_KEY = re.compile(r"\s*[\w\"'.-]+\s*[:=]")
_WIKI_LINK = re.compile(r"\[\[(?:[^\[\]|\n]{1,200}\|)?([^\[\]|\n]{1,200})\]\]")
# Wikipedia's link titles also stand behind addresses with spaces, which CommonMark does not read as links.
_LOOSE_LINK = re.compile(
    r"\[([^\[\]\n]{1,200})\]\((?!<)[^()\n\"]{0,200}(?:\([^()\n]{0,200}\)[^()\n\"]{0,200})?\"wikilink\"\)"
)
_ACTIVE = re.compile(r"[\\`*<]|&(?=#?\w)|~~|(?<!\w)_|_(?!\w)|(?<=\])[(:]")
_MARKER = re.compile(r"^(#{0,5}|\d{1,9})([-+#.)](?=\s)|>)")
_MARKUP = re.compile(r"[\\`*_\[\]<>&!~]")
_RULE_LINE = re.compile(r"[ \t]*([-_*])(?:[ \t]*\1)*[ \t]*$")


@dataclass(frozen=True)
class Block:
    """A part of a document, as plain text.

    Attributes:
        text: the visible text, on one line; for code its lines; for a table its rows in Markdown.
        line: the number of its first line in the document.
        level: a heading's level.
        marker: what stands before a list item, such as "- " or "3. ".
    """

    kind: BlockKind
    text: str
    line: int = 1
    level: int = 0
    marker: str = ""

    def written(self) -> str:
        """Return the block as it is taught."""
        if self.kind == "heading":
            return f"{'#' * self.level} {self.text}"
        return f"```\n{self.text}\n```" if self.kind == "code" else f"{self.marker}{self.text}"


@lru_cache(maxsize=4)
def read(markdown: str) -> tuple[Block, ...]:
    """Return the parts of a Markdown document that a reader sees, in order."""
    parser = _parser()
    environment: dict[str, Any] = {}
    text = _without_front_matter(markdown.replace("\r\n", "\n"))
    text = _LOOSE_LINK.sub(r"\1", _WIKI_LINK.sub(r"\1", text))
    reader = _Reader(parser, environment)
    return tuple(block for block in reader.blocks(parser.parse(text, environment)) if block.text)


def written(blocks: Sequence[Block]) -> str:
    """Return blocks as the text that is taught."""
    before = [None, *blocks]
    return "".join(
        separator(last, block) + block.written() for last, block in zip(before, blocks, strict=False)
    )


def separator(before: Block | None, block: Block) -> str:
    """Return what is written between two blocks: the items of a list are on consecutive lines."""
    if before is None:
        return ""
    same_list = before.kind == block.kind == "item" and (before.marker == "- ") == (block.marker == "- ")
    return "\n" if same_list or block.marker.startswith(" ") else "\n\n"


def as_markdown(text: str) -> str:
    """Escape plain text, such as a .txt file's, so that a Markdown parser shows it as it is.

    Headings, lists and tables keep their meaning.
    """
    lines = ("" if _RULE_LINE.match(line) else line.lstrip() for line in text.split("\n"))
    return _ACTIVE.sub(lambda mark: f"\\{mark[0]}" if mark[0] != "~~" else "\\~\\~", "\n".join(lines))


def no_marker(line: str) -> str:
    """Escape the start of a paragraph if a Markdown parser takes it for a heading, a list or a quote."""
    return _MARKER.sub(r"\1\\\2", line)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as a Markdown table; the first row is the header."""
    width = max((len(row) for row in rows), default=0)
    lines = [
        f"| {' | '.join(cell.replace('|', ESCAPED) for cell in (*row, *[''] * (width - len(row))))} |"
        for row in rows
    ]
    return "\n".join([*lines[:1], f"|{'---|' * width}", *lines[1:]])


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt
    from mdit_py_plugins.footnote import footnote_plugin

    parser = MarkdownIt("commonmark", {"maxNesting": DEEPEST}).enable(["table", "strikethrough"])
    parser.use(footnote_plugin, inline=False)
    # `_Reader` parses the text of each block itself, in pieces, and leaves the notes in their places.
    return parser.disable(["inline", "footnote_tail", "text_join"])


def _without_front_matter(text: str) -> str:
    """Replace YAML or TOML front matter by empty lines, so that line numbers stay the same."""
    found = _FRONT_MATTER.match(text)
    if not found:
        return text
    inner = [line for line in found[0].strip("\ufeff\n").split("\n")[1:-1] if line.strip()]
    if inner and not _KEY.match(next((line for line in inner if not line.startswith("#")), "")):
        return text
    return "\n" * found[0].count("\n") + text[found.end() :]


class _Reader:
    """Turns markdown-it's tokens into blocks."""

    def __init__(self, parser: "MarkdownIt", environment: dict[str, Any]) -> None:
        self.parser, self.environment = parser, environment

    def blocks(self, tokens: Sequence["Token"]) -> Iterator[Block]:
        depth, marker, level, line = 0, "", 0, 1
        rows: list[list[str]] | None = None
        for token in tokens:
            line = token.map[0] + 1 if token.map else line
            match token.type:
                case "bullet_list_open" | "ordered_list_open":
                    depth += 1
                case "bullet_list_close" | "ordered_list_close":
                    depth, marker = depth - 1, ""
                case "list_item_open":
                    mark = f"{token.info}{token.markup}" if token.info else "-"
                    marker = f"{'  ' * (depth - 1)}{mark} "
                case "heading_open":
                    level = int(token.tag[1])
                case "table_open":
                    rows = []
                case "tr_open" if rows is not None:
                    rows.append([])
                case "table_close":
                    yield Block("table", table(rows or []), line - len(rows or []))
                    rows = None
                case "fence" | "code_block":
                    yield Block("code", token.content.strip("\n"), line)
                case "html_block":
                    for text in seen_in_html(token.content):
                        yield Block("paragraph", text, line)
                case "inline":
                    text = self.visible(token.content)
                    if rows:
                        rows[-1].append(text)
                    elif level:
                        yield Block("heading", text, line, level)
                    else:
                        yield Block("item" if marker else "paragraph", text, line, 0, marker)
                    level, marker = 0, ""

    def visible(self, content: str) -> str:
        """Return the visible text of a paragraph's Markdown, on one line."""
        from markdown_it.token import Token

        if not _MARKUP.search(content):
            return plain_letters(joined(content))
        tokens: list[Token] = []
        for piece in _pieces(content):
            if len(piece) > LONG and (
                piece.count("[") * 10 > len(piece) or len(_MARKUP.findall(piece)) * 3 > len(piece)
            ):
                # No text has that many links or marks, and reading them takes long.
                tokens.append(Token("text", "", 0, content=piece))
            else:
                self.parser.inline.parse(piece, self.parser, self.environment, tokens)
        text: list[str] = []
        hidden, raise_from = 0, -1
        for token in tokens:
            match token.type:
                case "s_open":
                    hidden += 1
                case "s_close":
                    hidden -= 1
                case "text" | "text_special" | "code_inline" if not hidden:
                    text.append(token.content)
                case "softbreak" | "hardbreak":
                    text.append("\n")
                case "html_inline":
                    tag = token.content.lower()
                    if tag.startswith("<br"):
                        text.append("\n")
                    elif tag.startswith("<sup"):
                        raise_from = len(text)
                    elif tag.startswith("</sup") and raise_from >= 0:
                        before = "".join(text[max(0, raise_from - 4) : raise_from])
                        text[raise_from:] = [raised("".join(text[raise_from:]), before)]
                        raise_from = -1
        return plain_letters(joined("".join(text)))


def _pieces(content: str) -> Iterator[str]:
    """Split a paragraph's Markdown into pieces of at most PIECE characters, between words if possible."""
    start = 0
    while start < len(content):
        end = start + PIECE
        if end < len(content):
            end = next(
                (cut + 1 for mark in "\n " if (cut := content.rfind(mark, start + PIECE // 2, end)) > 0), end
            )
        yield content[start:end]
        start = end


class _Html(HTMLParser):
    """Collects the visible text of HTML inside Markdown, one entry for each block."""

    HIDDEN = ("script", "style", "template", "noscript", "svg")
    INLINE = ("a", "b", "i", "em", "strong", "span", "code", "small", "u", "sub", "sup", "kbd", "mark", "img")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[list[str]] = [[]]
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.hidden += tag in self.HIDDEN
        if tag in ("td", "th"):
            self.found[-1].append(" ")
        elif tag not in self.INLINE:
            self.found.append([])

    def handle_endtag(self, tag: str) -> None:
        self.hidden = max(0, self.hidden - (tag in self.HIDDEN))
        if tag not in (*self.INLINE, "td", "th"):
            self.found.append([])

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.found[-1].append(data)


def seen_in_html(source: str) -> list[str]:
    """Return the texts of a block of HTML inside Markdown, without its tags."""
    parser = _Html()
    parser.feed(source)
    texts = (plain_letters(joined("".join(parts))) for parts in parser.found)
    return [text for text in texts if text]
