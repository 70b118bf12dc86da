"""The comment's sample part says whether the teacher suits the leaf."""

import html
from typing import Any

import pytest

from bot.github.render import render


def part(**leaf: Any) -> str:
    shown = {
        "path": "knowledge/x", "samples": [], "rest": [], "accepted": 4, "candidates": 40, "dropped": [],
        "notes": [], "given": [], "given_shown": [], "refused": 0, "refusals": [],
    }  # fmt: skip
    return render("sample", sha="0" * 40, leaves=[shown | leaf], left_out=0, wanted=40)


@pytest.mark.parametrize(
    "note", ["This teacher's answers are cut: 36 of 40.", "No samples of the kinds framed were made."]
)
def test_each_note_is_a_line_of_its_own(note: str) -> None:
    text = html.unescape(part(notes=[note, "Another."]))
    assert f"\n> [!NOTE]\n> {note}\n\n> [!NOTE]\n> Another." in text


def test_without_notes_there_is_none() -> None:
    assert "NOTE" not in part()
