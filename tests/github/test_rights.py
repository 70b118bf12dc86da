"""Who may give a command: roles as GitHub has them now, and labels for a pull request's author."""

from typing import Any

import pytest

from bot.github.rights import may, who_may
from tests.local.github.local_github import TAXONOMY


@pytest.mark.parametrize(
    ("who", "allowed", "right"),
    [
        ("maintainer", ["admin", "maintain"], True),
        ("contributor", ["admin", "maintain"], False),
        ("outsider", ["read"], True),
        ("maintainer", [], False),
        ("maintainer", ["admin"], False),
    ],
)
def test_a_role_is_what_github_says(
    lab: Any, proposal: Any, who: str, allowed: list[str], right: bool
) -> None:
    here = lab.as_("arborist[bot]")
    assert may(here, here.get_issue(1), who, allowed) is right


def test_a_role_that_was_taken_away_is_none(lab: Any, proposal: Any) -> None:
    here = lab.as_("arborist[bot]")
    lab.github.add_collaborator(TAXONOMY, "maintainer", "read")
    assert may(here, here.get_issue(1), "maintainer", ["admin", "maintain"]) is False


def test_a_label_is_for_the_author_alone(lab: Any, proposal: Any) -> None:
    here = lab.as_("arborist[bot]")
    allowed = ["maintain", "label:trusted"]
    assert may(here, here.get_issue(1), "contributor", allowed) is False
    here.create_label("trusted", "00ff00")
    here.get_issue(1).add_to_labels("trusted")
    assert may(here, here.get_issue(1), "contributor", allowed) is True
    assert may(here, here.get_issue(1), "outsider", allowed) is False


@pytest.mark.parametrize(
    ("allowed", "words"),
    [
        ([], "nobody"),
        (["admin", "read"], "everybody"),
        (["admin", "maintain"], "the role admin or maintain"),
        (["maintain", "label:ok"], "the role maintain, the author where the label ok is set"),
    ],
)
def test_it_is_told_in_words(allowed: list[str], words: str) -> None:
    assert who_may(allowed) == words
