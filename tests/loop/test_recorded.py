"""Every shipped workflow, started by what GitHub itself once sent; nothing else is delivered in this world.

Of the recorded payloads only fields that name something are replaced: repository, number, commit, person.
"""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from github.PullRequest import PullRequest
from github.WorkflowRun import WorkflowRun

from localworld.github import Event
from localworld.world import World
from tests.contract.webhooks import recorded
from tests.helpers.loop import (
    LEAF,
    bot_comments,
    git,
    push,
    repository,
    settled,
    teach_skarrow,
    until,
)

Fields = Mapping[str, Any]


def overlay(payload: dict[str, Any], own: Fields) -> dict[str, Any]:
    """A recorded payload with some of its fields replaced."""
    merged = copy.deepcopy(payload)
    for name, value in own.items():
        there = merged.get(name)
        merged[name] = overlay(there, value) if isinstance(there, dict) and isinstance(value, dict) else value
    return merged


@pytest.fixture(scope="module")
def quiet(served: World) -> World:
    """The world, in which the local GitHub's own events start nothing."""
    served.github._listeners.remove(served.actions._dispatcher.take)
    return served


def deliver(
    world: World,
    name: str,
    own: Fields,
    *,
    sha: str,
    ref: str = "refs/heads/main",
    actor: str = "contributor",
    only: str = "",
) -> WorkflowRun | None:
    """Let a recorded event arrive; returns the run that it started, once it has ended, or None.

    Args:
        own: what is replaced in the payload.
        only: the one workflow that it is for.
    """
    event, _, action = name.partition(".")
    maintainer = repository(world.address(), "maintainer")
    here = {"full_name": maintainer.full_name, "name": maintainer.name, "default_branch": "main"}
    payload = overlay(recorded(name), {"repository": here, "sender": {"login": actor}, **own})
    before = {run.id for run in maintainer.get_workflow_runs()}
    from_fork = event == "pull_request"
    happened = Event(event, action, maintainer.full_name, payload, sha, ref, actor, from_fork)
    dispatcher = world.actions._dispatcher
    if only:
        dispatcher.enqueue(dispatcher.sources.load(maintainer.full_name, sha, only), happened)
    else:
        dispatcher.take(happened)
    settled(world.address())
    new = [run for run in maintainer.get_workflow_runs() if run.id not in before]
    # A comment starts commands.yml and draft.yml; GitHub skips the jobs whose condition does not hold.
    new = [run for run in new if run.conclusion != "skipped"]
    assert len(new) <= 1
    return new[0] if new else None


@pytest.fixture(scope="module")
def clone(world: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    teach_skarrow(world, folder, "skarrow")
    return folder


@pytest.fixture(scope="module")
def pull(quiet: World, clone: Path) -> PullRequest:
    here = repository(quiet.address(), "contributor")
    return here.create_pull(base="main", head="contributor:skarrow", title="Skarrow", body="")


def proposed(pull: PullRequest) -> dict[str, Any]:
    sides = {
        name: {"sha": side.sha, "ref": side.ref, "repo": {"full_name": side.repo.full_name}}
        for name, side in (("head", pull.head), ("base", pull.base))
    }
    return {
        "number": pull.number,
        "pull_request": {"number": pull.number, "user": {"login": "contributor"}, **sides},
    }


def of_the_pull(world: World, name: str, pull: PullRequest) -> WorkflowRun | None:
    here = repository(world.address(), "contributor")
    merge = until(lambda: here.get_pull(pull.number).merge_commit_sha, "the test merge")
    return deliver(world, name, proposed(pull), sha=merge, ref=f"refs/pull/{pull.number}/merge")


def of_the_run(world: World, run: WorkflowRun) -> WorkflowRun | None:
    own = {
        **{
            name: getattr(run, name)
            for name in ("id", "name", "path", "head_sha", "head_branch", "event", "conclusion")
        },
        "html_url": run.html_url,
        "head_repository": {"full_name": run.head_repository.full_name},
    }
    sha = repository(world.address(), "outsider").get_branch("main").commit.sha
    return deliver(world, "workflow_run.completed", {"workflow_run": own}, sha=sha)


def test_pull_request_opened_lints_and_workflow_run_completed_reports(
    quiet: World, pull: PullRequest
) -> None:
    lint = of_the_pull(quiet, "pull_request.opened", pull)
    assert lint and (lint.path, lint.conclusion) == (".github/workflows/lint.yml", "success")
    assert bot_comments(pull) == []
    report = of_the_run(quiet, lint)
    assert report and (report.path, report.conclusion) == (".github/workflows/report.yml", "success")
    [body] = bot_comments(pull)
    assert "Nothing to fix" in body


def test_pull_request_synchronize_lints_again(quiet: World, clone: Path, pull: PullRequest) -> None:
    qna = clone / LEAF / "qna.yaml"
    qna.write_text(qna.read_text().replace("version: 3", "version: 9"))
    push(clone, "A version that there is not")
    pull.update()
    lint = of_the_pull(quiet, "pull_request.synchronize", pull)
    assert lint and lint.conclusion == "failure"
    assert of_the_run(quiet, lint)
    [body] = bot_comments(pull)
    assert "1 thing to fix" in body


@pytest.mark.parametrize("name", ["pull_request.closed", "check_run.created", "check_run.completed"])
def test_what_is_none_of_its_business_starts_nothing(quiet: World, pull: PullRequest, name: str) -> None:
    own = proposed(pull) if name.startswith("pull_request") else {}
    assert deliver(quiet, name, own, sha=pull.base.sha) is None


def comment(quiet: World, pull: PullRequest, who: str, text: str) -> WorkflowRun | None:
    said = repository(quiet.address(), who).get_issue(pull.number).create_comment(text)
    issue = recorded("issue_comment.created")["issue"]
    # It was recorded on an issue; on a pull request there is one field more.
    link = {name: issue[name] for name in ("url", "html_url")}
    own = {
        "issue": {"number": pull.number, "user": {"login": "contributor"}, "pull_request": link},
        "comment": {"id": said.id, "body": text, "user": {"login": who}},
    }
    return deliver(quiet, "issue_comment.created", own, sha=pull.base.sha, actor=who)


def replies(pull: PullRequest) -> list[str]:
    return [c.body for c in pull.get_issue_comments() if c.body.startswith("<!-- arborist:reply")]


def test_issue_comment_created_is_answered(quiet: World, pull: PullRequest) -> None:
    run = comment(quiet, pull, "outsider", "/arborist help")
    assert run and (run.path, run.conclusion) == (".github/workflows/commands.yml", "success")
    [reply] = replies(pull)
    assert "| `/arborist sample" in reply


def test_issue_comment_created_by_a_maintainer_reaches_the_gpu_runner(
    quiet: World, pull: PullRequest
) -> None:
    run = comment(quiet, pull, "maintainer", "/arborist precheck no/such/leaf")
    assert run and {job.name: job.conclusion for job in run.jobs()} == {
        "command": "success",
        "sample / sample": "failure",
    }
    [body] = bot_comments(pull)
    assert "no/such/leaf" in body


def test_merge_group_lints_what_the_queue_would_merge(quiet: World, clone: Path, pull: PullRequest) -> None:
    queued = {
        "head_sha": pull.head.sha,
        "head_ref": "refs/heads/gh-readonly-queue/main/pr-1",
        "base_sha": pull.base.sha,
    }
    run = deliver(
        quiet,
        "merge_group.checks_requested",
        {"merge_group": queued},
        sha=pull.head.sha,
        ref=queued["head_ref"],
        actor="maintainer",
    )
    assert run and (run.path, run.conclusion) == (".github/workflows/lint.yml", "failure")
    assert {job.name: job.conclusion for job in run.jobs()} == {"lint": "failure"}


def test_workflow_dispatch_reaps(quiet: World, pull: PullRequest) -> None:
    # Which workflow a dispatch is for, GitHub knows from the request; the payload names it.
    reaper = ".github/workflows/reap.yml"
    run = deliver(
        quiet, "workflow_dispatch", {"workflow": reaper}, only=reaper, sha=pull.base.sha, actor="maintainer"
    )
    assert run and (run.path, run.conclusion) == (reaper, "success")


def test_push_retrains_and_says_where_main_cannot_be_read(
    quiet: World, clone: Path, pull: PullRequest
) -> None:
    """No leaf of main can be read: those that were there are gone, and the new one is broken."""
    maintainer = repository(quiet.address(), "maintainer")
    maintainer.get_pull(pull.number).merge()
    url = quiet.address()["github"]["git"].replace("://", f"://maintainer:{quiet.tokens['maintainer']}@")
    git(clone, "fetch", "--quiet", url, "main")
    git(clone, "checkout", "--quiet", "--detach", "FETCH_HEAD")
    base = maintainer.get_branch("main").commit.sha
    kept = LEAF.removeprefix("taxonomy/")
    gone = [str(file.parent) for file in (clone / "taxonomy").rglob("qna.yaml") if kept not in str(file)]
    git(clone, "rm", "-rq", *gone)
    git(clone, "commit", "--quiet", "--message", "Only the broken leaf")
    git(clone, "push", "--quiet", url, "HEAD:main")
    main = repository(quiet.address(), "outsider").get_branch("main").commit.sha
    run = deliver(
        quiet, "push", {"ref": "refs/heads/main", "before": base, "after": main}, sha=main, actor="maintainer"
    )
    assert run and (run.path, run.conclusion) == (".github/workflows/retrain.yml", "failure")
    [body] = bot_comments(pull)
    assert "Not released" in body
    assert "there is no version" in body
