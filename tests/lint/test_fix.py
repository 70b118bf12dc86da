"""`--fix`: what is mechanical is fixed, and every other byte stays."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.lint.findings import Finding, Severity
from bot.lint.fix import fix_files, fixed
from tests.helpers.lint_tree import KNOWLEDGE, QNA

PATH = f"{KNOWLEDGE}/qna.yaml"

# what is fixed: good text, bad text, text after the fix
MECHANICAL = {
    "a number": ("domain: geography", "domain: 1868 # as it is", 'domain: "1868" # as it is'),
    "a yes": ("domain: geography", "domain: yes", 'domain: "yes"'),
    "a date in a list": ("- oru.md", "- 2024-01-01", '- "2024-01-01"'),
    "a misspelt key": ("created_by", "createdby", "created_by"),
    "a version in quotes": ("version: 3", 'version: "3"', "version: 3"),
    "an unseen character": ("geography", "geo\u200bgra\u2060phy", "geography"),
}


@pytest.mark.parametrize("name", MECHANICAL)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_what_is_mechanical_is_mended_and_nothing_else(tree: Any, name: str, ends: str, mark: str) -> None:
    good, bad, after = MECHANICAL[name]
    text = mark + QNA.replace(good, bad, 1).replace("\n", ends)
    tree.write(PATH, text)
    assert fix_files(tree.root, tree.lint())
    assert (tree.root / PATH).read_bytes().decode() == mark + QNA.replace(good, after, 1).replace("\n", ends)
    assert fix_files(tree.root, tree.lint()) == []


def test_a_licence_is_spelt_as_spdx_spells_it(tree: Any) -> None:
    tree.replace(f"{KNOWLEDGE}/attribution.txt", "CC-BY-4.0", "cc by 4.0")
    fix_files(tree.root, tree.lint())
    assert "License of the work: CC-BY-4.0\n" in (tree.root / KNOWLEDGE / "attribution.txt").read_text()


def test_a_mark_and_a_control_character_shift_nothing(tree: Any) -> None:
    tree.write(PATH, "\ufeffversion: 3 \ufeff# a\0\n")
    fix_files(tree.root, tree.lint())
    assert (tree.root / PATH).read_text() == "\ufeffversion: 3 # a\0\n"


@pytest.mark.parametrize("name", ["qna.yaml", "attribution.txt"])
def test_a_file_that_is_not_utf8_is_left(tree: Any, name: str) -> None:
    content = (tree.root / KNOWLEDGE / name).read_bytes() + b"# \xff \xe2\x80\x8b\n"
    tree.write(f"{KNOWLEDGE}/{name}", content)
    assert fix_files(tree.root, tree.lint()) == []
    assert (tree.root / KNOWLEDGE / name).read_bytes() == content


def test_what_needs_a_person_is_left(tree: Any) -> None:
    tree.replace(PATH, "context: Oru is an island", "context: Oru is an isle")
    before = (tree.root / PATH).read_bytes()
    assert fix_files(tree.root, tree.lint()) == []
    assert (tree.root / PATH).read_bytes() == before


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 12), st.integers(0, 4)), max_size=8))
def test_fixes_never_overlap_and_touch_nothing_else(places: list[tuple[int, int, int]]) -> None:
    content = "abcdefghijkl\nmnopqrstuvwx\nyzäöü中文😀012345"
    findings = [
        Finding(
            "f", line, column, "r", Severity.ERROR, "m", "h", line, column + size, fix="<>", fixed_line=""
        )
        for line, column, size in places
    ]
    after, done = fixed(content, findings)

    assert after.count("<>") == len(done)
    assert after.count("\n") == 2
