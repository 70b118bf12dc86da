"""Work for a GPU runner: what stands in its check is the bot's own, and one line."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from github import UnknownObjectException

from bot.config.load import load_recipe
from bot.core.errors import UserError
from bot.core.store import Store
from bot.github import comment, gpu_commands
from bot.github.command_comment import Accepted, handle_comment
from bot.github.gpu_work import Failure, Work, begin, fail, of_earlier_commits
from bot.inference.models import load_tokenizer, model_folder
from tests import ROOT

NOTHING_TO_RETRY = pytest.raises(UnknownObjectException)
"""Lint is started instead, of which the GitHub of these tests has no workflow."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comment, "SETTLES_S", 0)


@pytest.fixture(params=["a secret", ""], ids=["with a signing key", "without one"])
def key(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ARBORIST_SIGNING_KEY", request.param)
    return str(request.param)


def retried(lab: Any, tmp_path: Path) -> Accepted | None:
    """A maintainer says `/arborist retry` of the newest commit."""
    here = lab.workflow(dict.fromkeys(("contents", "checks", "issues", "pull-requests"), "write"))
    text = f"/arborist retry {here.get_pull(1).head.sha}"
    said = lab.as_("maintainer").get_issue(1).create_comment(text)
    event = {"issue": {"number": 1, "pull_request": {}}, "comment": {"id": said.id, "body": text}}
    return handle_comment(here, load_recipe(Path("arborist.yaml")), Store(str(tmp_path)), event)


def test_what_failed_is_done_again(lab: Any, proposal: Any, key: str, tmp_path: Path) -> None:
    here = lab.workflow({"checks": "write", "pull-requests": "write", "contents": "read"})
    pull = here.get_pull(1)
    begin(here, pull, Work("trial", "3\nsha=0000\ncommand=sample", 7))
    fail(here, pull, pull.head.sha, "trial", Failure("why", "how", "not done"))
    accepted = retried(lab, tmp_path)
    assert accepted is not None
    assert accepted.outputs() == {
        "command": "trial",
        "arguments": "3 sha=0000 command=sample",
        "pull": "1",
        "sha": pull.head.sha,
    }
    assert not any("\n" in value for value in accepted.outputs().values())


@pytest.mark.parametrize(
    "note", ['{"command": "sample\\nsha=0000", "arguments": "", "run": 7}', "7", "x", ""]
)
def test_a_check_that_somebody_else_made_is_no_work(
    lab: Any, proposal: Any, key: str, tmp_path: Path, note: str
) -> None:
    """A job of a pull request's own workflow, or another app, may choose the same name."""
    for here in (lab.as_("arborist[bot]"), lab.workflow({"checks": "write"})):
        sha = lab.as_("outsider").get_pull(1).head.sha
        here.create_check_run("arborist sample", sha, conclusion="failure", external_id=note)
        here.create_check_run("arborist sample", sha, conclusion="failure", external_id=f"{'0' * 32} {note}")
    with NOTHING_TO_RETRY:
        retried(lab, tmp_path)


def test_without_a_key_only_the_workflows_own_app_counts(
    lab: Any, proposal: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ARBORIST_SIGNING_KEY", raising=False)
    another = lab.as_("arborist[bot]")
    pull = another.get_pull(1)
    begin(another, pull, Work("trial", "", 7))
    with NOTHING_TO_RETRY:
        retried(lab, tmp_path)


def test_after_a_push_a_result_says_that_it_is_of_an_earlier_commit_and_a_failure_is_gone(
    lab: Any, proposal: Any
) -> None:
    here = lab.workflow({"checks": "write", "pull-requests": "write", "contents": "read"})
    pull = here.get_pull(1)
    old, new = pull.head.sha, "f" * 40
    begin(here, pull, Work("trial", "", 7))
    waiting = parts_of(pull)
    fail(here, pull, old, "trial", Failure("why", "how", "not done"))
    failed = parts_of(pull)
    result = {"sample": f"### 🌱 Sample of `{old[:7]}`\n**leaf**"}
    for parts in (waiting, failed, result):
        assert of_earlier_commits(parts, old) == {}
    assert of_earlier_commits(waiting, new) == of_earlier_commits(failed, new) == {"trial": ""}
    marked = of_earlier_commits(result, new)
    assert marked["sample"].startswith(f"### 🌱 Sample of `{old[:7]}`\n\n<sub>Of an earlier commit;")
    assert marked["sample"].endswith("**leaf**")
    assert of_earlier_commits(marked, new) == {}, "it is marked once"


def test_an_error_that_nobody_foresaw_is_told_with_the_log(
    lab: Any, proposal: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = lab.workflow({"checks": "write", "pull-requests": "write", "contents": "read"})
    pull = here.get_pull(1)
    monkeypatch.setattr(gpu_commands, "fetch_pull", lambda *_: 1 / 0)
    order = gpu_commands.Order(1, pull.head.sha, "sample")
    with pytest.raises(ZeroDivisionError):
        gpu_commands.work_on_pull(
            here, tmp_path, order, load_recipe(Path("arborist.yaml")), Store(str(tmp_path))
        )
    text = parts_of(pull)["sample"]
    assert "internal error&#58; ZeroDivisionError" in text
    assert "[The log](" in text
    assert "/arborist retry" in text


def test_a_student_that_cannot_be_trained_is_told_before_anything_is_generated(
    lab: Any, proposal: Any, clone: Callable[..., Any], tmp_path: Path
) -> None:
    here = lab.workflow({"checks": "write", "pull-requests": "write", "contents": "read"})
    mine, leaf = proposal[1], "taxonomy/foundational_skills/reasoning/temporal_reasoning/days_of_the_week"
    files = {f"{leaf}/{file.name}": file.read_text() for file in (ROOT / leaf).iterdir()}
    sha = mine.commit("Add a sound leaf", **files)
    mine.git("push", "--quiet", "origin", "leaf")
    student = load_tokenizer(model_folder("embedded"))
    student.chat_template = "{{ raise_exception('no chats here') }}"
    student.save_pretrained(tmp_path / "student")
    recipe = load_recipe(Path("arborist.yaml"))
    recipe = replace(recipe, student=replace(recipe.student, model=str(tmp_path / "student")))
    order = gpu_commands.Order(1, sha, "sample", leaf)
    with pytest.raises(UserError, match="no chats here"):
        gpu_commands.work_on_pull(
            here, clone("maintainer").folder, order, recipe, Store(str(tmp_path / "store"))
        )
    text = parts_of(here.get_pull(1))["sample"]
    assert "nothing was generated, since the student " in text
    assert (
        "cannot be trained&#58; the student's chat template rejects turns of user&#58; no chats here" in text
    )
    assert not any(path.is_file() for path in (tmp_path / "store").rglob("*"))


def parts_of(pull: Any) -> dict[str, str]:
    found = comment.find_comment(pull)
    return comment.read_parts(found.body) if found else {}
