"""The reaper: what nobody ended is ended, a few requests a pass, and nothing is started again for ever."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from github import GithubException
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.core.store import Store
from bot.github import comment, retrain_queue
from bot.github.announce import announce_failure, announce_training
from bot.github.checks import LINT, CheckReport, find_check, report_check
from bot.github.gpu_work import Work, begin
from bot.github.reap import ATTEMPTS, reap
from bot.github.restart import RESTARTS
from bot.github.retrain_queue import Turn, turn_of, wait_for_turn
from localworld.actions import Actions
from localworld.github import create_app, pulls
from localworld.github.caller import caller_of
from tests.contract.plugin import Watch
from tests.helpers.local_github import TAXONOMY

LONG_AGO = "2026-01-01T00:00:00Z"
WORKFLOWS = ("lint.yml", "retrain.yml", "sample.yml")


class Asked:
    """Remembers the requests to the API."""

    def __init__(self, app: ASGIApp, requests: list[str]) -> None:
        self.app, self.requests = app, requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/api/"):
            self.requests.append(f"{scope['method']} {scope['path']}")
        await self.app(scope, receive, send)


@pytest.fixture
def requests() -> list[str]:
    """What was asked of GitHub."""
    return []


@pytest.fixture(autouse=True)
def actions(
    lab: Any,
    proposal: Any,
    contract: Watch,
    requests: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Actions]:
    """Actions with the shipped workflows; runs wait, and the tests end them."""
    monkeypatch.setattr(comment, "SETTLES_S", 0)
    monkeypatch.setenv("ARBORIST_SIGNING_KEY", "a secret")
    here = lab.as_("maintainer")
    for name in WORKFLOWS:
        path = f".github/workflows/{name}"
        here.create_file(path, f"Add {name}", Path(path).read_text())
    served = Actions(lab.github, tmp_path / "actions", environment={})
    middleware = (*contract.middleware, Middleware(Asked, requests=requests))
    lab.server.application = create_app(lab.github, extra_routes=served.routes, middleware=middleware)
    lab.dispatcher = served._dispatcher
    yield served


@pytest.fixture
def linted(lab: Any, proposal: Any) -> Callable[..., int]:
    """linted(conclusion, attempt): the pull request's lint has ended long ago; returns the run's id."""

    def end(conclusion: str, attempt: int = 1) -> int:
        _, clone = proposal
        if not runs(lab, "lint.yml"):
            clone.commit("More", taxonomy__leaf__qna="version: 3\n# more\n")
            clone.git("push", "--quiet", "origin", "leaf")
        (row,) = runs(lab, "lint.yml")
        finish(lab, row, conclusion, run_attempt=attempt)
        return int(row["id"])

    return end


def runs(lab: Any, file: str) -> list[Any]:
    found: list[Any] = lab.github.db.all(
        "SELECT * FROM workflow_runs WHERE path = ? ORDER BY id", f".github/workflows/{file}"
    )
    return found


def finish(lab: Any, row: Any, conclusion: str, **more: Any) -> None:
    lab.dispatcher._end(row, conclusion, "")
    lab.github.db.update("workflow_runs", row["id"], updated_at=LONG_AGO, **more)


def bot(lab: Any) -> Any:
    return lab.as_("arborist[bot]")


def check(lab: Any, name: str = LINT) -> Any:
    return find_check(bot(lab), name, bot(lab).get_pull(1).head.sha)


def open_many(lab: Any, clone: Any, count: int) -> None:
    """Open pull requests, as many people would."""
    repository = lab.github.repository(TAXONOMY)
    fork = lab.github.repository("contributor/taxonomy")
    row = lab.github.db.one("SELECT * FROM tokens WHERE token = ?", lab.token("contributor"))
    caller = caller_of(row, lab.github.user("contributor"))
    clone.git("push", "--quiet", "origin", *(f"HEAD:refs/heads/many-{number}" for number in range(count)))
    for number in range(count):
        fields = {"title": "x", "body": "", "draft": False, "maintainer_can_modify": False}
        pulls.create(lab.github, repository, caller, (fork, f"many-{number}"), "main", fields)


def test_two_hundred_open_pull_requests_take_one_request_more_than_one(
    lab: Any, proposal: Any, requests: list[str]
) -> None:
    here = bot(lab)
    here.full_name  # noqa: B018  PyGithub asks for it once
    requests.clear()
    assert reap(here) == []
    few = list(requests)
    open_many(lab, proposal[1], 199)
    requests.clear()
    assert reap(here) == []
    assert len(requests) == len(few) + 1 <= 9
    assert requests.count("POST /api/graphql") == 2


def test_lint_that_was_never_reported_runs_again_a_few_times_and_then_that_is_told_once(
    lab: Any, linted: Callable[..., int]
) -> None:
    """As after a path that ends lint in a traceback."""
    for attempt in range(1, ATTEMPTS):
        number = linted("failure", attempt)
        (line,) = reap(bot(lab))
        assert "was never reported, and runs again" in line
        assert runs(lab, "lint.yml")[0]["run_attempt"] == attempt + 1
    linted("failure", ATTEMPTS)
    (line,) = reap(bot(lab))
    assert "is given up" in line
    assert runs(lab, "lint.yml")[0]["run_attempt"] == ATTEMPTS
    assert check(lab).conclusion == "failure"
    assert check(lab).output.title == f"ran {ATTEMPTS} times without a report"
    assert reap(bot(lab)) == []
    (body,) = [one.body for one in bot(lab).get_issue(1).get_comments()]
    assert f"/actions/runs/{number}) shows why" in body
    assert "`/arborist lint` runs it again" in body


def test_lint_that_somebody_else_cancelled_runs_again(lab: Any, linted: Callable[..., int]) -> None:
    linted("cancelled")
    assert "runs again" in "".join(reap(bot(lab)))


@pytest.mark.parametrize("conclusion", ["action_required", "skipped"])
def test_lint_that_waits_for_an_approval_is_left_alone(
    lab: Any, linted: Callable[..., int], conclusion: str
) -> None:
    linted(conclusion)
    assert reap(bot(lab)) == []


def test_lint_that_was_reported_is_left_alone(lab: Any, linted: Callable[..., int]) -> None:
    linted("success")
    head = bot(lab).get_pull(1).head.sha
    report_check(bot(lab), LINT, head, CheckReport("success", "fine", "fine", note={"pull": 1}))
    assert reap(bot(lab)) == []


def test_a_check_that_a_job_of_the_pull_request_made_does_not_count(
    lab: Any, linted: Callable[..., int]
) -> None:
    linted("failure")
    here = lab.workflow({"checks": "write"})
    here.create_check_run(LINT, bot(lab).get_pull(1).head.sha, conclusion="success", external_id="a-job")
    assert "runs again" in "".join(reap(bot(lab)))


def test_a_verdict_against_an_old_base_is_replaced(lab: Any) -> None:
    head = bot(lab).get_pull(1).head.sha
    report_check(bot(lab), LINT, head, CheckReport("neutral", "x", "x", note={"pull": 1, "stale": True}))
    (line,) = reap(bot(lab))
    assert f"main has changed; {head[:7]} is linted again" in line
    (run,) = runs(lab, "lint.yml")
    assert (run["event"], run["head_branch"]) == ("workflow_dispatch", "main")


@pytest.mark.parametrize("goes", [True, False])
def test_work_whose_run_has_ended_is_told_as_lost(lab: Any, goes: bool) -> None:
    here = lab.as_("maintainer")
    pull = bot(lab).get_pull(1)
    inputs = {"pull": "1", "sha": pull.head.sha, "command": "trial"}
    assert here.get_workflow("sample.yml").create_dispatch("main", inputs)
    (run,) = runs(lab, "sample.yml")
    begin(bot(lab), pull, Work("trial", "", run["id"]))
    if not goes:
        finish(lab, run, "failure")
    done = reap(bot(lab))
    assert check(lab, "arborist trial").status == ("queued" if goes else "completed")
    assert len(done) == (0 if goes else 1)
    (body,) = [one.body for one in bot(lab).get_issue(1).get_comments()]
    assert ("🧪 Trial of" if goes else "🧪 No trial of") in body
    assert "Precheck" not in body
    assert reap(bot(lab)) == []


def test_a_retraining_that_was_cancelled_is_started_again_a_few_times(lab: Any) -> None:
    """By another workflow of the same group, for instance a pull request's."""
    here = lab.as_("maintainer")
    here.create_file("taxonomy/other/qna.yaml", "Merge", "version: 3\n")
    assert reap(bot(lab)) == []  # it waits for a runner
    for number in range(RESTARTS):
        finish(lab, runs(lab, "retrain.yml")[-1], "cancelled")
        (line,) = reap(bot(lab))
        assert "and started again" in line
        assert [run["event"] for run in runs(lab, "retrain.yml")] == ["push"] + ["workflow_dispatch"] * (
            number + 1
        )
        assert reap(bot(lab)) == []
    finish(lab, runs(lab, "retrain.yml")[-1], "cancelled")
    (line,) = reap(bot(lab))
    assert "cancelled 4 times" in line
    assert len(runs(lab, "retrain.yml")) == RESTARTS + 1


def test_a_retraining_that_ended_by_itself_is_not_started_again(lab: Any) -> None:
    lab.as_("maintainer").create_file("taxonomy/other/qna.yaml", "Merge", "version: 3\n")
    finish(lab, runs(lab, "retrain.yml")[-1], "failure")
    assert reap(bot(lab)) == []


@pytest.mark.parametrize("missing", ["checks", "pull-requests"])
def test_graphql_gives_a_token_only_what_it_may_read(lab: Any, missing: str) -> None:
    allowed = {"contents": "read", "checks": "write", "pull-requests": "write", "actions": "write"}
    here = lab.workflow({name: level for name, level in allowed.items() if name != missing})
    with pytest.raises(GithubException, match="Resource not accessible by integration"):
        reap(here)


@pytest.fixture
def three_retrainings(lab: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Three merges, each with its run, as on a machine with several runners."""
    monkeypatch.setattr(retrain_queue, "POLL_S", 0)
    here = lab.as_("maintainer")
    for number in range(3):
        here.create_file(f"taxonomy/leaf{number}/qna.yaml", "Merge", "version: 3\n")
    return runs(lab, "retrain.yml")


def put(lab: Any, row: Any, **values: Any) -> None:
    lab.github.db.update("workflow_runs", row["id"], **values)


def wait_as(lab: Any, row: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("GITHUB_RUN_ID", str(row["id"]))
    return wait_for_turn(bot(lab))


def test_of_retrainings_that_wait_only_the_newest_is_done(
    lab: Any, three_retrainings: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest, middle, newest = three_retrainings
    put(lab, oldest, status="in_progress")
    assert wait_as(lab, oldest, monkeypatch) == ""
    assert f"actions/runs/{newest['id']}" in wait_as(lab, middle, monkeypatch)


def test_a_retraining_waits_for_the_one_that_is_in_progress(
    lab: Any, three_retrainings: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest, _, newest = three_retrainings
    put(lab, oldest, status="in_progress")
    waited = []

    def later(_: float) -> None:
        waited.append("a while")
        put(lab, oldest, status="completed", conclusion="success")

    monkeypatch.setattr(retrain_queue.time, "sleep", later)
    assert wait_as(lab, newest, monkeypatch) == ""
    assert waited == ["a while"]


def test_a_pull_requests_run_of_a_file_of_that_name_delays_no_retraining(
    lab: Any, three_retrainings: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest, middle, newest = three_retrainings
    put(lab, oldest, status="in_progress", event="pull_request", head_branch="main")
    put(lab, newest, event="pull_request", head_branch="main")
    assert wait_as(lab, middle, monkeypatch) == ""


def test_a_retraining_knows_its_place(
    lab: Any, three_retrainings: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of those that wait, only the newest is done; so it is the second, whatever else has begun."""
    oldest, middle, newest = three_retrainings
    monkeypatch.setenv("GITHUB_RUN_ID", str(newest["id"]))
    assert turn_of(bot(lab), None, Store("memory://nothing")).ahead == "", "the others have not begun"
    for row in (oldest, middle):
        put(lab, row, status="in_progress", started_at=LONG_AGO)
    turn = turn_of(bot(lab), None, Store("memory://nothing"))
    assert turn.ahead.endswith(f"actions/runs/{oldest['id']}")
    assert turn.running > 3600
    monkeypatch.setenv("GITHUB_RUN_ID", "0")
    assert turn_of(bot(lab), None, Store("memory://nothing")).ahead == ""


def test_merged_pull_requests_are_told_the_place_until_there_is_a_result(
    lab: Any, three_retrainings: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = bot(lab)
    waiting = Turn("https://github/run/7", 60.0)

    def part() -> str:
        found = comment.find_comment(here.get_pull(1))
        return comment.read_parts(found.body)["release"] if found else ""

    announce_training(here, [1], "https://github/run/8", waiting)
    assert "**2nd in line.**" in part()
    announce_training(here, [1], "https://github/run/8")
    assert "**1st in line.**" in part()
    announce_failure(here, [1], "The disk is full.", "https://github/run/8")
    announce_training(here, [1], "https://github/run/9")
    assert "The disk is full." in part()
