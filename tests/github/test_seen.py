"""A command is for the commit that its author saw: a change since then, or just before, voids it."""

import hashlib
import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.core.store import Store
from bot.github import comment, commit_seen
from bot.github.checks import LINT, CheckReport, report_check
from bot.github.command_comment import Accepted, handle_comment

Say = Callable[..., Accepted | None]
STAMPS = {
    "comments": ("created_at",),
    "check_runs": ("started_at", "completed_at"),
    "issue_events": ("created_at",),
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comment, "SETTLES_S", 0)
    monkeypatch.setenv("ARBORIST_SIGNING_KEY", "a secret")


@pytest.fixture
def later(lab: Any) -> Callable[[], None]:
    """Lets ten seconds pass, by making everything that happened older."""

    def pass_() -> None:
        for table, names in STAMPS.items():
            for name in names:
                lab.github.db.run(
                    f"UPDATE {table} SET {name} = strftime('%Y-%m-%dT%H:%M:%SZ', {name}, '-10 seconds')"
                )

    return pass_


@pytest.fixture
def reported(lab: Any, later: Callable[[], None]) -> Callable[[], None]:
    """The bot reports on the newest commit, as `arborist report` does."""

    def report() -> None:
        here = lab.as_("arborist[bot]")
        head = here.get_pull(1).head.sha
        report_check(here, LINT, head, CheckReport("success", "fine", "fine", note={"pull": 1}))
        later()

    return report


@pytest.fixture
def say(lab: Any, tmp_path: Path, later: Callable[[], None]) -> Say:
    """say(text, meanwhile): a maintainer comments, something happens, and only then the bot reads it."""
    recipe = load_recipe(Path("arborist.yaml"))

    def give(text: str, meanwhile: Callable[[], object] = lambda: None) -> Accepted | None:
        said = lab.as_("maintainer").get_issue(1).create_comment(text)
        later()
        meanwhile()
        event = {
            "issue": {"number": 1, "pull_request": {}},
            "comment": {"id": said.id, "body": text},
        }
        return handle_comment(lab.as_("arborist[bot]"), recipe, Store(str(tmp_path)), event)

    return give


def head(lab: Any) -> str:
    sha: str = lab.as_("outsider").get_pull(1).head.sha
    return sha


def answers(lab: Any) -> str:
    return "\n".join(one.body for one in lab.as_("outsider").get_issue(1).get_comments())


def push(clone: Any, message: str, force: bool = False) -> None:
    clone.commit(message, taxonomy__leaf__qna=f"version: 3\n# {message}\n")
    clone.git("push", "--quiet", *(["--force"] if force else []), "origin", "leaf")


def hide(clone: Any, reported: Callable[[], None]) -> None:
    """Push B, which is reported; then force-push A, for which nothing runs. The branch `b` keeps B."""
    push(clone, "B")
    reported()
    clone.git("branch", "b")
    clone.git("reset", "--quiet", "--hard", "HEAD~1")
    push(clone, "A [skip ci]", force=True)


def test_the_commit_that_was_reported_before_the_command_is_taken(
    lab: Any, proposal: Any, reported: Callable[[], None], say: Say
) -> None:
    reported()
    accepted = say("/arborist sample 3")
    assert accepted is not None
    assert (accepted.sha, accepted.work.arguments) == (head(lab), "3")


def test_a_commit_that_is_swapped_back_after_the_command_is_not_taken(
    lab: Any, proposal: Any, reported: Callable[[], None], later: Callable[[], None], say: Say
) -> None:
    """Push B; force-push A, for which nothing runs; the maintainer reads A and comments; force-push B."""
    _, clone = proposal
    hide(clone, reported)
    later()
    accepted = say("/arborist sample", lambda: clone.git("push", "--quiet", "--force", "origin", "b:leaf"))
    assert accepted is None
    assert "the pull request was changed at about the time you wrote" in answers(lab)
    assert f"name it: `/arborist sample {head(lab)}`" in answers(lab)


def test_a_commit_that_was_swapped_back_just_before_the_command_is_not_taken(
    lab: Any, proposal: Any, reported: Callable[[], None], later: Callable[[], None], say: Say
) -> None:
    """The maintainer's page still shows A, although B is back."""
    _, clone = proposal
    hide(clone, reported)
    later()
    clone.git("push", "--quiet", "--force", "origin", "b:leaf")
    assert say("/arborist sample") is None


def test_once_the_bot_has_reported_again_it_is_taken(
    lab: Any, proposal: Any, reported: Callable[[], None], later: Callable[[], None], say: Say
) -> None:
    _, clone = proposal
    push(clone, "Rewritten", force=True)
    later()
    reported()
    assert say("/arborist sample") is not None


def test_a_push_after_the_command_voids_it(
    lab: Any, proposal: Any, reported: Callable[[], None], say: Say
) -> None:
    _, clone = proposal
    reported()
    assert say("/arborist sample", lambda: push(clone, "Sneaked in [skip ci]")) is None
    assert "the bot had not reported on" in answers(lab)
    assert f"/arborist sample {head(lab)}" in answers(lab)


def test_a_retarget_voids_it(lab: Any, proposal: Any, reported: Callable[[], None], say: Say) -> None:
    reported()
    here = lab.as_("maintainer")
    here.create_git_ref("refs/heads/other", here.get_branch("main").commit.sha)
    assert say("/arborist sample", lambda: here.get_pull(1).edit(base="other")) is None


def test_a_report_on_another_pull_request_of_the_same_commit_shows_nothing(
    lab: Any, proposal: Any, later: Callable[[], None], say: Say
) -> None:
    here = lab.as_("arborist[bot]")
    report_check(here, LINT, head(lab), CheckReport("success", "fine", "fine", note={"pull": 7}))
    later()
    assert say("/arborist sample") is None


def test_a_strangers_check_of_the_same_name_shows_nothing(
    lab: Any, proposal: Any, later: Callable[[], None], say: Say
) -> None:
    lab.as_("arborist[bot]").create_check_run(LINT, head(lab), conclusion="success", external_id="{}")
    later()
    assert say("/arborist sample") is None
    assert "the bot had not reported on" in answers(lab)


def test_a_named_commit_is_taken_where_nothing_else_shows_that_it_was_seen(
    lab: Any, proposal: Any, say: Say
) -> None:
    assert say("/arborist precheck leaf") is None
    for named in (head(lab), f"`{head(lab)[:7]}`"):
        accepted = say(f"/arborist precheck {named} leaf")
        assert accepted is not None
        assert (accepted.sha, accepted.work.arguments) == (head(lab), "leaf")


def test_a_named_commit_must_be_the_newest(lab: Any, proposal: Any, say: Say) -> None:
    _, clone = proposal
    named = head(lab)
    assert say(f"/arborist sample {named[:7]}", lambda: push(clone, "More")) is None
    assert f"`{named[:7]}` is not the newest commit of this pull request; `{head(lab)}` is." in answers(lab)


def test_a_short_name_that_fits_two_commits_is_asked_for_in_full(
    lab: Any, proposal: Any, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever pushes chooses both commits, so the first digits of both can be made the same."""
    # Seven digits take a minute to repeat.
    monkeypatch.setattr(commit_seen, "_SHA", re.compile("[0-9a-f]{3,40}"))
    _, clone = proposal
    shown = head(lab)
    hidden = twin_on_top(clone, shown, 3)
    refused = say(
        f"/arborist sample {shown[:3]}",
        lambda: clone.git("push", "--quiet", "origin", f"{hidden}:refs/heads/leaf"),
    )
    assert refused is None
    assert f"Name it in full: `{hidden}`" in answers(lab)


def twin_on_top(clone: Any, parent: str, digits: int) -> str:
    """Write a commit on top of another whose name begins with the same digits."""
    tree = clone.git("rev-parse", f"{parent}^{{tree}}")
    who = "X <x@localhost> 1700000000 +0000"
    for number in itertools.count():
        body = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\n{number}\n"
        name = hashlib.sha1(f"commit {len(body)}\0{body}".encode()).hexdigest()
        if name[:digits] == parent[:digits]:
            (clone.folder / "commit").write_text(body)
            assert clone.git("hash-object", "-t", "commit", "-w", "commit") == name
            return name
    raise AssertionError
