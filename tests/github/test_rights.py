"""Who may give a command: roles as GitHub has them now, and labels for a pull request's author."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.core.errors import UserError
from bot.github.rights import check_starter, may, who_may
from tests.helpers.local_github import TAXONOMY


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
        (["maintain", "label:ok"], "the role maintain, the author if the label ok is set"),
    ],
)
def test_it_is_told_in_words(allowed: list[str], words: str) -> None:
    assert who_may(allowed) == words


@pytest.fixture
def started_by(lab: Any, proposal: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """started_by(actor, command): the check that `arborist work` begins with."""
    recipe = load_recipe(Path("arborist.yaml"))
    commands = {
        **recipe.commands,
        "precheck": ("write", "maintain"),
        "trial": ("admin",),
        "sample": ("maintain",),
    }

    def check(actor: str, command: str, event: str = "workflow_dispatch", again: str = "") -> None:
        monkeypatch.setenv("GITHUB_EVENT_NAME", event)
        monkeypatch.setenv("GITHUB_ACTOR", actor)
        monkeypatch.setenv("GITHUB_TRIGGERING_ACTOR", again or actor)
        here = lab.as_("arborist[bot]")
        check_starter(here, replace(recipe, commands=commands), here.get_pull(1), command)

    return check


def test_who_starts_the_work_by_hand_needs_the_right_to_that_very_command(
    lab: Any, started_by: Callable[..., None]
) -> None:
    lab.github.add_collaborator(TAXONOMY, "outsider", "write")
    started_by("outsider", "precheck")
    started_by("maintainer", "sample")
    for who, command in (("outsider", "sample"), ("outsider", "trial"), ("maintainer", "trial")):
        with pytest.raises(UserError, match=f"/arborist {command} is for the role .*, and {who} is not"):
            started_by(who, command)
    with pytest.raises(UserError, match="is for nobody, and maintainer is not"):
        started_by("maintainer", "explode")


def test_who_runs_it_again_needs_the_right_too(lab: Any, started_by: Callable[..., None]) -> None:
    """Whoever commented was checked when the comment was answered; a run may be started again by others."""
    lab.github.add_collaborator(TAXONOMY, "outsider", "write")
    started_by("contributor", "sample", event="issue_comment")
    started_by("contributor", "sample", event="issue_comment", again="maintainer")
    with pytest.raises(UserError, match="and outsider is not"):
        started_by("maintainer", "sample", again="outsider")
    with pytest.raises(UserError, match="and outsider is not"):
        started_by("contributor", "sample", event="issue_comment", again="outsider")
