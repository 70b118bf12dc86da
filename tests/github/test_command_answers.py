"""No command without an answer: what people type on a pull request, and what the bot says there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.core.store import Store
from bot.github import comment
from bot.github.command_comment import Accepted, handle_comment

Say = Callable[..., Accepted | None]
LISTED = "| `/arborist help` | list the commands | everybody |"


@pytest.fixture
def say(lab: Any, proposal: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """say(text, who): somebody comments on the pull request, and the bot handles the event."""
    monkeypatch.setattr(comment, "SETTLES_S", 0)
    monkeypatch.setenv("ARBORIST_SIGNING_KEY", "a secret")

    def give(text: str, who: str = "maintainer", times: int = 1) -> Accepted | None:
        said = lab.as_(who).get_issue(1).create_comment(text)
        event = {"issue": {"number": 1, "pull_request": {}}, "comment": {"id": said.id, "body": text}}
        here, recipe = lab.as_("arborist[bot]"), load_recipe(Path("arborist.yaml"))
        accepted = None
        for _ in range(times):
            accepted = handle_comment(here, recipe, Store(str(tmp_path)), event)
        return accepted

    return give


def answers(lab: Any) -> list[str]:
    thread = lab.as_("outsider").get_issue(1)
    return [one.body for one in thread.get_comments() if one.user.login == "arborist[bot]"]


def reactions(lab: Any) -> list[str]:
    thread = lab.as_("outsider").get_issue(1)
    return [reaction.content for one in thread.get_comments() for reaction in one.get_reactions()]


@pytest.mark.parametrize("who", ["maintainer", "outsider"])
@pytest.mark.parametrize(
    ("text", "opening"),
    [
        ("/arborist", "Which command do you mean?"),
        ("/Arborist", "Which command do you mean?"),
        ("Please:\n/arborist ?", "Which command do you mean?"),
        ("/arborist smaple 3", "There is no command `smaple` here."),
        ("/arborist sample3", "There is no command `sample3` here."),
        ("/arborist @everyone", "Which command do you mean?"),
    ],
)
def test_what_is_no_command_is_answered_with_the_list(
    lab: Any, say: Say, text: str, opening: str, who: str
) -> None:
    assert say(text, who, times=2) is None
    (answer,) = answers(lab)
    assert f"\n{opening} Start a line with one of these:\n\n" in answer
    assert LISTED in answer
    assert "everyone\n" not in answer
    assert reactions(lab) == ["confused"]


@pytest.mark.parametrize("text", ["/Arborist hold", "/ARBORIST HOLD", "/arborist Hold"])
def test_case_does_not_matter(lab: Any, say: Say, text: str) -> None:
    say(text)
    (answer,) = answers(lab)
    assert "Held: no GPU work starts" in answer


def test_of_several_commands_the_first_is_done_and_the_others_are_named(lab: Any, say: Say) -> None:
    say("/arborist hold\n\n/arborist sample 3\n/arborist\n/arborist `@x`", times=2)
    more, held = answers(lab)
    assert "Held: no GPU work starts" in held
    assert "The first one counts: `/arborist hold`." in more
    assert (
        "Not done: `/arborist sample`, `/arborist`, `/arborist`. Give each in a comment of its own." in more
    )


def test_a_second_command_is_answered_too_if_the_first_is_refused(lab: Any, say: Say) -> None:
    say("/arborist sample\n/arborist help", "outsider")
    more, refused = answers(lab)
    assert "`/arborist sample` is for the role admin or maintain here" in refused
    assert "Not done: `/arborist help`." in more


def test_a_hundred_commands_are_answered_in_one_line(lab: Any, say: Say) -> None:
    say("\n".join(["/arborist help"] * 100))
    more = next(answer for answer in answers(lab) if "Not done" in answer)
    assert "`/arborist help`, `/arborist help`, `/arborist help`, `/arborist help` and others." in more


def test_a_bot_with_several_commands_gets_one_answer(lab: Any, say: Say) -> None:
    say("/arborist hold\n/arborist sample", "arborist[bot]")
    assert [one for one in answers(lab) if "Not done" in one] == []
