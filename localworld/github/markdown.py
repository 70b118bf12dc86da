"""Convert Markdown to HTML as GitHub does in comments: tables and foldable sections, but few HTML tags."""

import html
import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ALLOWED = re.compile(r"(</?(?:details|summary|sub|sup|br)(?: open)?\s*/?>)", re.IGNORECASE)


def render(text: str) -> str:
    """Convert Markdown to HTML that is safe to insert into a page."""
    return str(_PARSER.render(text))


def _sanitize(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Keep allowed HTML tags, remove HTML comments and escape everything else."""
    parts = _ALLOWED.split(_COMMENT.sub("", tokens[index].content))
    return "".join(part if i % 2 else html.escape(part) for i, part in enumerate(parts))


def _make() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.add_render_rule("html_block", _sanitize)
    parser.add_render_rule("html_inline", _sanitize)
    return parser


_PARSER = _make()
