"""Text from outside, in a comment: shown as it is, and powerless."""

import html
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.text.escape_markdown import as_code, as_prose, escape, visible
from tests.helpers.hostile_texts import HOSTILE


@pytest.mark.parametrize("hostile", HOSTILE)
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


MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
PLACES = ("{}", "- {}", "a {} b", "# {}", "| a | b |\n|---|---|\n| {} | b |")
"""Where a text may stand."""


def inline(source: str) -> list[tuple[str, str]]:
    """The kind and the text of all inline parts."""
    blocks = MARKDOWN.parse(source)
    return [(part.type, part.content) for block in blocks if block.children for part in block.children]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("safe", [as_prose, as_code])
@given(
    text=st.one_of(
        st.sampled_from(HOSTILE), st.text(max_size=60), st.text("`|\\\\*[](<&!-+1.#~_$@ a", max_size=12)
    )
)
def test_readable_text_is_one_literal_part_wherever_it_stands(safe: Any, place: str, text: str) -> None:
    wanted = visible(text)
    parts = inline(place.format(safe(text)))
    assert {kind for kind, _ in parts} <= {"text", "code_inline"}
    around = place.splitlines()[-1].strip("|#- ").partition("{}")
    shown = "".join(content for _, content in parts)
    if wanted:
        assert wanted.replace("|", "¦") in shown.replace("|", "¦")
    assert around[0].strip("| ") in shown


@pytest.mark.parametrize("hostile", HOSTILE)
def test_readable_text_has_no_entity_of_its_own(hostile: str) -> None:
    outside_of_code = re.sub("`.*`", "", as_prose(hostile))
    assert not re.search(r"(?<!\\)&", outside_of_code)


def test_calm_text_stays_as_it_is() -> None:
    for calm in ("The island of Velmora", "J. R. O'Smith, 2nd (ed.): 50% + 1!", "CC-BY-4.0", "Straße 京都"):
        assert as_prose(calm) == calm


def test_what_a_renderer_links_without_markup_is_code() -> None:
    assert as_prose("see https://evil.example") == "`see https://evil.example`"
    assert as_prose("@everyone") == "`@everyone`"
    assert as_prose("evil.example/x") == "`evil.example/x`"
    assert as_code("a`b``c") == "```a`b``c```"


def test_what_is_too_long_is_cut_in_readable_text_too() -> None:
    assert as_prose("x" * 30, limit=10) == "x" * 10 + " … (20 more characters)"
    assert as_code("x" * 30, limit=10) == f"`{'x' * 10}` … (20 more characters)"
