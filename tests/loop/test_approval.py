"""An outsider's first pull request: nothing runs and nothing is said until a maintainer lets it."""

from pathlib import Path
from typing import Any

import pytest
from github.PullRequest import PullRequest
from github.WorkflowRun import WorkflowRun

from tests.helpers.loop import (
    LEAF,
    bot_comments,
    comment_that,
    push,
    repository,
    settled,
    teach_skarrow,
    until,
)


@pytest.fixture(scope="module")
def approving() -> bool:
    return False


@pytest.fixture(scope="module")
def clone(world: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone")
    teach_skarrow(world, folder, "skarrow")
    return folder


@pytest.fixture(scope="module")
def pull(world: dict[str, Any], clone: Path) -> PullRequest:
    here = repository(world, "contributor")
    return here.create_pull(base="main", head="contributor:skarrow", title="Skarrow", body="")


def held(world: dict[str, Any]) -> list[WorkflowRun]:
    return list(repository(world, "maintainer").get_workflow_runs(status="action_required"))


def approve(run: WorkflowRun) -> None:
    run.requester.requestJsonAndCheck("POST", f"{run.url}/approve")


def test_it_waits_without_a_comment_or_a_check(world: dict[str, Any], pull: PullRequest) -> None:
    [run] = until(lambda: held(world), "a run that waits")
    settled(world)
    assert (run.name, run.head_sha) == ("lint", pull.head.sha)
    assert bot_comments(pull) == []
    commit = repository(world, "outsider").get_commit(pull.head.sha)
    assert list(commit.get_check_runs()) == []


def test_once_it_is_approved_it_gets_its_comment(world: dict[str, Any], pull: PullRequest) -> None:
    [run] = held(world)
    approve(run)
    comment_that(pull, "skarrow")


def test_what_is_pushed_later_waits_again_and_the_comment_stays_the_old_one(
    world: dict[str, Any], clone: Path, pull: PullRequest
) -> None:
    before = bot_comments(pull)
    qna = clone / LEAF / "qna.yaml"
    qna.write_text(qna.read_text().replace("version: 3", "version: 9"))
    push(clone, "A version that there is not")
    [run] = until(lambda: held(world), "a run that waits")
    settled(world)
    assert bot_comments(pull) == before
    approve(run)
    comment_that(pull, "version")
