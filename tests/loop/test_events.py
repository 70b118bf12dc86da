"""What happens at the wrong moment: pushes, comments taken back, broken merges; through the front door."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from github.PullRequest import PullRequest
from github.WorkflowRun import WorkflowRun

from tests.helpers.loop import (
    bot_comments,
    check_is,
    comment_that,
    fork,
    git,
    push,
    repository,
    run_again,
    running,
    settled,
    succeeded,
    until,
)

BRANCH = "x;$(id)`id`|&"
SKILL = "taxonomy/compositional_skills/writing/notices"
QNA = "version: 2\ncreated_by: contributor\ntask_description: Write a notice.\nseed_examples:\n" + "".join(
    f"  - question: Write a notice about {what}.\n    answer: Soon, {what}. The clerk of Fernlow\n"
    for what in ("the fair", "the flood", "the race", "the sale", "the dance")
)
ATTRIBUTION = (
    "Title of work: Notices\nLink to work: none\nLicense of the work: CC0-1.0\nCreator names: contributor\n"
)


@pytest.fixture(scope="module")
def clone(world: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("events")
    fork(world, folder, BRANCH)
    (folder / SKILL).mkdir(parents=True)
    (folder / SKILL / "qna.yaml").write_text(QNA)
    (folder / SKILL / "attribution.txt").write_text(ATTRIBUTION)
    push(folder, "Notices; $(id)")
    return folder


@pytest.fixture(scope="module")
def pull(world: dict[str, Any], clone: Path) -> PullRequest:
    """A draft, from a branch whose name a shell would run."""
    return repository(world, "contributor").create_pull(
        base="main", head=f"contributor:{BRANCH}", title="$(id)`id`", body="@everyone", draft=True
    )


def write(clone: Path, text: str) -> None:
    (clone / SKILL / "qna.yaml").write_text(text)


def test_a_draft_from_a_branch_with_shell_syntax_is_linted(world: dict[str, Any], pull: PullRequest) -> None:
    assert pull.draft
    comment_that(pull, "Nothing to fix", "Plan", "notices")
    check_is(world, pull, "success")


def test_pushes_in_quick_succession_leave_the_last_ones_report(
    world: dict[str, Any], clone: Path, pull: PullRequest
) -> None:
    for number in range(3):
        write(clone, QNA.replace("the fair", str(number)))
        push(clone, f"Number {number}")
    write(clone, QNA.replace("version: 2", "version: 9"))
    push(clone, "A version that there is not")
    check_is(world, pull, "failure")
    settled(world)
    comment_that(pull, "1 thing to fix", "version")
    head = pull.head.sha
    told = [
        run
        for run in repository(world, "maintainer").get_commit(head).get_check_runs()
        if "arborist" in run.name
    ]
    assert {run.name: run.conclusion for run in told} == {
        "arborist lint": "failure",
        "arborist plan": "neutral",
    }
    assert len(told) == 2


def test_a_report_that_comes_late_does_not_overwrite_the_newer_one(
    world: dict[str, Any], clone: Path, pull: PullRequest
) -> None:
    before = bot_comments(pull)
    reports = repository(world, "maintainer").get_workflow("report.yml")
    oldest = list(reports.get_runs())[-1]
    run_again(oldest)
    succeeded(oldest)
    assert bot_comments(pull) == before


def test_a_forced_push_is_another_commit_and_the_same_comment(
    world: dict[str, Any], clone: Path, pull: PullRequest
) -> None:
    write(clone, QNA)
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--amend", "--message", "Rewritten")
    git(clone, "push", "--quiet", "--force", "origin", "HEAD")
    check_is(world, pull, "success")
    comment_that(pull, "Nothing to fix")
    assert len(bot_comments(pull)) == 1


def test_a_comment_that_imitates_the_bots_is_somebodys_text(
    world: dict[str, Any], clone: Path, pull: PullRequest
) -> None:
    (body,) = bot_comments(pull)
    forged = (
        repository(world, "outsider").get_issue(pull.number).create_comment(body.replace("Lint", "Hacked"))
    )
    write(clone, QNA + "# again\n")
    push(clone, "Again")
    check_is(world, pull, "success")
    settled(world)
    assert repository(world, "outsider").get_issue(pull.number).get_comment(forged.id).body == forged.body
    own = [c for c in pull.get_issue_comments() if c.user.type == "Bot"]
    assert len(own) == 1


@pytest.mark.parametrize("change", ["edited", "deleted"])
def test_a_command_that_is_taken_back_is_not_followed(
    world: dict[str, Any], pull: PullRequest, change: str
) -> None:
    settled(world)
    said = repository(world, "maintainer").get_issue(pull.number).create_comment("/arborist retrain")
    said.edit("Never mind") if change == "edited" else said.delete()
    settled(world)
    replies = [c.body for c in pull.get_issue_comments() if c.body.startswith("<!-- arborist:reply")]
    assert ["edited since" in reply for reply in replies] == [True]
    assert retrainings(world) == []


def test_a_bots_pull_request_that_changes_no_leaf_gets_a_check_and_no_comment(
    world: dict[str, Any], tmp_path: Path
) -> None:
    url = world["github"]["git"].replace("://", f"://maintainer:{world['tokens']['maintainer']}@")
    git(tmp_path, "clone", "--quiet", url, ".")
    git(tmp_path, "checkout", "--quiet", "-b", "update")
    lock = tmp_path / "constraints.txt"
    lock.write_text(lock.read_text() + "# everything was updated\n")
    push(tmp_path, "Update everything")
    update = repository(world, "bot").create_pull(base="main", head="update", title="Update everything")
    check_is(world, update, "success")
    settled(world)
    assert bot_comments(update) == []
    repository(world, "maintainer").get_pull(update.number).merge()
    settled(world)
    assert retrainings(world) == []  # a merge that touches no leaf asks for no release


def test_who_may_is_asked_when_the_command_is_run_and_not_when_it_was_given(
    world: dict[str, Any], pull: PullRequest, tmp_path: Path
) -> None:
    url = world["github"]["git"].replace("://", f"://maintainer:{world['tokens']['maintainer']}@")
    git(tmp_path, "clone", "--quiet", url, ".")
    recipe = (tmp_path / "arborist.yaml").read_text()
    (tmp_path / "arborist.yaml").write_text(re.sub("(?m)^  plan: .*", "  plan: ['label:known']", recipe))
    push(tmp_path, "Authors who are known may have it planned again [skip ci]")
    thread = repository(world, "maintainer").get_issue(pull.number)
    commands = repository(world, "maintainer").get_workflow("commands.yml")
    for taken_away, reaction in ((False, "eyes"), (True, "-1")):
        thread.add_to_labels("known")
        said = repository(world, "contributor").get_issue(pull.number).create_comment("/arborist plan")
        if taken_away:
            until(lambda: commands.get_runs()[0].status == "in_progress", "the command's run")
            thread.remove_from_labels("known")
        settled(world)
        assert [given.content for given in said.get_reactions()] == [reaction]


def test_a_pull_request_outlives_its_fork(world: dict[str, Any], pull: PullRequest) -> None:
    repository({**world, "repository": "contributor/taxonomy"}, "contributor").delete()
    before = bot_comments(pull)
    maintainer = repository(world, "maintainer").get_issue(pull.number)
    maintainer.create_comment("/arborist lint")
    settled(world)
    runs = [run for run in repository(world, "maintainer").get_workflow_runs() if run.conclusion != "skipped"]
    assert {run.conclusion for run in runs[:3]} == {"success"}
    assert bot_comments(pull) == before
    # The commit that was seen is known by, and fetched from, what GitHub keeps of the pull request.
    maintainer.create_comment("/arborist precheck no/such/leaf")
    told = "is not a leaf that this pull request adds or changes"
    until(lambda: any(told in body for body in bot_comments(pull)), "the GPU runner's word")
    settled(world)


def test_a_merge_of_a_broken_leaf_is_told_and_stops_no_other_leaf(
    world: dict[str, Any], tmp_path: Path
) -> None:
    """A maintainer can merge what is red; whoever did it is told where, and the others are learnt."""
    maintainer = repository(world, "maintainer")
    url = world["github"]["git"].replace("://", f"://maintainer:{world['tokens']['maintainer']}@")
    git(tmp_path, "clone", "--quiet", url, ".")
    git(tmp_path, "checkout", "--quiet", "-b", "broken")
    (tmp_path / SKILL).mkdir(parents=True)
    write(tmp_path, QNA.replace("version: 2", "version: 9"))
    push(tmp_path, "Break it")
    broken = maintainer.create_pull(base="main", head="broken", title="Break it")
    check_is(world, broken, "failure")
    broken.merge()
    comment_that(broken, "a leaf of this pull request cannot be read", "qna.yaml&#58;1&#58;10", "no version")
    (issue,) = until(lambda: list(maintainer.get_issues(labels=["quarantine"])), "the issue")
    assert "1 leaf of the taxonomy cannot be read" in issue.body
    # The other leaves are being generated; that they are learnt is told elsewhere.
    until(lambda: running("arborist candidate"), "the retraining")
    (run,) = retrainings(world)
    assert run.cancel()
    until(lambda: retrainings(world)[0].status == "completed", "the retraining's end")


def retrainings(world: dict[str, Any]) -> list[WorkflowRun]:
    return list(repository(world, "maintainer").get_workflow("retrain.yml").get_runs())


@pytest.fixture(scope="module", autouse=True)
def _no_endless_runs(world: dict[str, Any]) -> Iterator[None]:
    yield
    settled(world)
