"""Text from outside, in a comment: shown as it is, and powerless."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.text.escape_markdown import escape


@pytest.mark.parametrize(
    "hostile",
    [
        "@everyone look",
        "closes #1",
        "![x](http://evil.example/beacon.png)",
        "<img src=x onerror=alert(1)>",
        "<!-- arborist:comment -->",
        "```\ncode fence",
        "a | b | c",
        "https://evil.example and www.evil.example",
        "[click](javascript:alert(1))",
        "&lt;script&gt;",
    ],
)
def test_hostile_text_becomes_plain_text(hostile: str) -> None:
    shown = escape(hostile)
    assert not set("@#!`|<>[]*_") & set(shown.replace("&#", ""))
    rendered = MarkdownIt("commonmark", {"linkify": False}).render(shown)
    assert "<img" not in rendered
    assert "<a " not in rendered
    assert "<code" not in rendered


@given(st.text(max_size=200))
def test_any_text_is_one_line_that_reads_the_same(text: str) -> None:
    shown = escape(text)
    assert "\n" not in shown
    assert re.findall("[a-z]", text) == re.findall("[a-z]", html.unescape(shown))


def test_nobody_is_mentioned_and_nothing_is_closed() -> None:
    shown = html.unescape(
        escape("@team closes #1 and org/repo#2, see https://evil.example or www.evil.example")
    )
    assert not re.search(r"@\w|#\d|://\w|www\.", shown)


def test_hidden_characters_are_shown_by_their_code_point() -> None:
    assert html.unescape(escape("a\u202eb\u200bc")) == "aU+202EbU+200Bc"


def test_what_is_too_long_is_cut_and_counted() -> None:
    assert escape("x" * 30, limit=10) == "x" * 10 + " … (20 more characters)"
