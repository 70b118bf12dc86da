"""No command without an answer: what people type on a pull request, and what the bot says there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.core.store import Store
from bot.github import comment
from bot.github.command_comment import Accepted, AcceptedDraft, handle_comment
from bot.release.tags import EXAMPLE
from tests.helpers.draft_form import form_body

Say = Callable[..., Accepted | AcceptedDraft | None]
LISTED = "| `/arborist help` | list the commands | everybody |"


@pytest.fixture
def say(lab: Any, proposal: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """say(text, who): somebody comments on the pull request, and the bot handles the event."""
    monkeypatch.setattr(comment, "SETTLES_S", 0)
    monkeypatch.setenv("ARBORIST_SIGNING_KEY", "a secret")

    def give(text: str, who: str = "maintainer", times: int = 1) -> Accepted | AcceptedDraft | None:
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


@pytest.mark.parametrize(
    "tag", ["", " 3", " v1", " v2026.13.01.1", " v2024.11.01.1 v2024.11.01.2", " @everyone", " --help"]
)
def test_a_rollback_needs_the_tag_of_a_release(lab: Any, say: Say, tag: str) -> None:
    say(f"/arborist rollback{tag}")
    (answer,) = answers(lab)
    assert (
        f"Name a release of lab/taxonomy-model by its tag, such as `/arborist rollback {EXAMPLE}`." in answer
    )
    assert "@everyone" not in answer


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("", "Give the reason, in at most 300 characters: `/arborist override KEY REASON`"),
        (" abc", "Give the reason, in at most 300 characters: `/arborist override KEY REASON`"),
        (" abc " + "x" * 301, "Give the reason, in at most 300 characters: `/arborist override KEY REASON`"),
        (" abcdefabcdef I like it", "No release with this key is refused now; the open issue with the label"),
    ],
)
def test_an_override_needs_a_reason_and_a_refused_release(lab: Any, say: Say, reason: str, told: str) -> None:
    say(f"/arborist override{reason}")
    (answer,) = answers(lab)
    assert told in answer


@pytest.fixture
def say_on_issue(lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Any]:
    """say_on_issue(body, text): a maintainer comments on an issue with this body; returns what happens."""
    monkeypatch.setenv("ARBORIST_SIGNING_KEY", "a secret")

    def give(body: str, text: str) -> Any:
        made = lab.as_("contributor").create_issue(title="Teach: swifts", body=body)
        said = lab.as_("maintainer").get_issue(made.number).create_comment(text)
        event = {"issue": made.raw_data, "comment": {"id": said.id, "body": text}}
        here, recipe = lab.as_("arborist[bot]"), load_recipe(Path("arborist.yaml"))
        accepted = handle_comment(here, recipe, Store(str(tmp_path)), event)
        answers = [one.body for one in lab.as_("outsider").get_issue(made.number).get_comments()][1:]
        return accepted or answers[0].partition("\n")[2]

    return give


def test_a_draft_is_accepted_on_an_issue_that_was_made_from_the_form(
    say_on_issue: Callable[..., Any],
) -> None:
    accepted = say_on_issue(form_body("Swifts nest in towers.", title="Swifts"), "/arborist draft")
    assert accepted.outputs() == {"issue": "1"}


def test_there_is_no_second_draft_while_the_first_is_open(lab: Any, say_on_issue: Callable[..., Any]) -> None:
    main = lab.as_("maintainer").get_branch("main").commit.sha
    lab.as_("maintainer").create_git_ref("refs/heads/arborist/draft-1", main)
    lab.as_("maintainer").create_file("a.md", "x", "x", branch="arborist/draft-1")

    def open_pull() -> int:
        return int(
            lab.as_("maintainer").create_pull(base="main", head="arborist/draft-1", title="Draft").number
        )

    issue_number = 1
    assert say_on_issue(form_body("Text."), "/arborist draft").issue == issue_number
    made = open_pull()
    said = lab.as_("maintainer").get_issue(issue_number).create_comment("/arborist draft")
    event = {"issue": {"number": issue_number}, "comment": {"id": said.id, "body": "/arborist draft"}}
    here, recipe = lab.as_("arborist[bot]"), load_recipe(Path("arborist.yaml"))
    assert handle_comment(here, recipe, Store("memory://answers"), event) is None
    bodies = [one.body for one in lab.as_("outsider").get_issue(issue_number).get_comments()]
    assert f"There is a draft: #{made}." in bodies[-1]


def test_what_does_not_work_on_an_issue_is_answered_with_what_does(say_on_issue: Callable[..., Any]) -> None:
    answer = say_on_issue("Please teach birds.", "/arborist sample")
    assert "works on a pull request" in answer
    assert "`/arborist draft`" in answer
    assert "`/arborist trial" not in answer
    assert "was not made from the form" in say_on_issue("Please teach birds.", "/arborist draft")


def test_a_draft_on_a_pull_request_is_answered_with_what_works_there(lab: Any, say: Say) -> None:
    assert say("/arborist draft") is None
    (answer,) = answers(lab)
    assert "works on an issue that is made from the form" in answer
    assert "`/arborist sample" in answer
    assert "| `/arborist draft`" not in answer
