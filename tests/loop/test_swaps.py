"""A pull request that is not what it was: its commit swapped under a command, its base under a verdict."""

from pathlib import Path
from typing import Any

import pytest
from github.PullRequest import PullRequest

from tests.helpers.loop import (
    LEAF,
    check_is,
    comment_that,
    git,
    push,
    repository,
    settled,
    teach_skarrow,
    until,
)

BROKEN = "taxonomy/compositional_skills/writing/broken"


@pytest.fixture(scope="module")
def clone(world: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("swaps")
    teach_skarrow(world, folder, "swapped")
    return folder


@pytest.fixture(scope="module")
def pull(world: dict[str, Any], clone: Path) -> PullRequest:
    here = repository(world, "contributor")
    opened = here.create_pull(base="main", head="contributor:swapped", title="Skarrow", body="")
    check_is(world, opened, "success")
    return opened


def conclusions(world: dict[str, Any], pull: PullRequest, name: str) -> list[str]:
    pull.update()
    checks = repository(world, "outsider").get_commit(pull.head.sha).get_check_runs(check_name=name)
    return [check.conclusion for check in checks]


def replies(pull: PullRequest) -> str:
    return "\n".join(one.body for one in pull.get_issue_comments() if "arborist:reply" in one.body)


def test_a_commit_that_was_hidden_while_a_maintainer_read_is_not_sampled(
    world: dict[str, Any], clone: Path, pull: PullRequest
) -> None:
    """Force-push A, for which nothing runs; a maintainer reads A and comments; force-push B back."""
    settled(world)
    git(clone, "branch", "b")
    (clone / LEAF / "exam.yaml").unlink()
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--amend", "--message", "Harmless [skip ci]")
    git(clone, "push", "--quiet", "--force", "origin", "HEAD")
    repository(world, "maintainer").get_issue(pull.number).create_comment("/arborist sample")
    git(clone, "push", "--quiet", "--force", "origin", "b:swapped")
    until(lambda: "the pull request was changed at about the time you wrote" in replies(pull), "the refusal")
    settled(world)
    assert conclusions(world, pull, "arborist sample") == []
    runs = repository(world, "maintainer").get_workflow("commands.yml").get_runs()
    assert [job.conclusion for run in runs for job in run.jobs() if job.name.startswith("sample")] in (
        [],
        ["skipped"],
    )


def test_a_verdict_against_another_branch_is_none_against_main(
    world: dict[str, Any], clone: Path, tmp_path: Path
) -> None:
    """What is broken stands in the branch `draft` already, so lint against it finds nothing."""
    address = world["github"]["git"].replace("://", f"://maintainer:{world['tokens']['maintainer']}@")
    git(tmp_path, "clone", "--quiet", address, ".")
    git(tmp_path, "checkout", "--quiet", "-b", "draft")
    (tmp_path / BROKEN).mkdir(parents=True)
    (tmp_path / BROKEN / "qna.yaml").write_text("version: 9\n")
    push(tmp_path, "Something broken")
    git(clone, "fetch", "--quiet", world["github"]["git"], "draft")
    git(clone, "checkout", "--quiet", "-b", "sneak", "FETCH_HEAD")
    (clone / "taxonomy" / "README.md").write_text("A page\n")
    push(clone, "A page")
    here = repository(world, "contributor")
    pull = here.create_pull(base="draft", head="contributor:sneak", title="A page", body="")
    comment_that(pull, "against draft")
    until(lambda: conclusions(world, pull, "arborist lint into draft") == ["success"], "the check")
    pull.edit(base="main")
    assert conclusions(world, pull, "arborist lint") == []
    comment_that(pull, "against main")
    until(lambda: conclusions(world, pull, "arborist lint") == ["failure"], "the check against main")
    settled(world)
