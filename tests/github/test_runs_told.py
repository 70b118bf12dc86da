"""What is under way, told on a pull request: by `/arborist status`, at work, and after the merge."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.core.errors import UserError
from bot.core.progress import Count, step
from bot.core.run_status import FOLDER, RunStatus
from bot.core.store import Store
from bot.github import comment, gpu_commands
from bot.github.checks import CheckReport, report_check
from bot.github.command_comment import handle_comment
from bot.github.comment import find_comment, read_parts
from bot.github.gpu_work import Work, begin, begun
from bot.github.known_runs import running_at
from bot.github.render import render
from bot.github.retrain_queue import Turn
from bot.github.run_shown import shown_run
from bot.pipeline.estimate_release import Forecast
from localworld.actions import Actions
from localworld.github import create_app
from tests.contract.plugin import Watch
from tests.helpers.local_hub import RunningHub
from tests.helpers.loop import ALIVE, HOSTILE
from tests.helpers.run_statuses import write_status

COMMIT = "3f2a1bc" + "0" * 33
COUNT = Count(40, 200, "optimizer steps", tokens_per_second=131.7, seconds_left=190.0)


def retraining(run: str = "", **facts: Any) -> RunStatus:
    given = {"step": "training knowledge", "count": COUNT, **facts}
    now = datetime.now(UTC)
    return RunStatus("retrain", COMMIT, 0, run, now - timedelta(minutes=12), now, 3.0, **given)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comment, "SETTLES_S", 0)
    monkeypatch.setenv("ARBORIST_SIGNING_KEY", "a secret")


@pytest.fixture
def status(
    lab: Any, proposal: Any, local_hub: RunningHub, contract: Watch, tmp_path: Path
) -> Callable[..., str]:
    """status(store): what is answered to an outsider who comments `/arborist status`."""
    routes = Actions(lab.github, tmp_path / "actions", environment={}).routes
    lab.server.application = create_app(lab.github, extra_routes=routes, middleware=contract.middleware)

    def ask(store: str = "") -> str:
        said = lab.as_("outsider").get_issue(1).create_comment("/arborist status")
        event = {
            "issue": {"number": 1, "pull_request": {}},
            "comment": {"id": said.id, "body": "/arborist status"},
        }
        recipe = load_recipe(Path("arborist.yaml"))
        handle_comment(lab.as_("arborist[bot]"), recipe, Store(store or str(tmp_path)), event)
        bodies = [one.body for one in lab.as_("outsider").get_issue(1).get_comments()]
        return str(bodies[-1])

    return ask


def test_status_tells_of_the_retraining_and_of_the_work_for_this_commit(
    lab: Any, status: Callable[..., str], tmp_path: Path
) -> None:
    assert "retrain" not in status()
    here = lab.as_("arborist[bot]")
    url = f"https://github.com/{here.full_name}/actions/runs/7"
    write_status(tmp_path, retraining(url))
    now = datetime.now(UTC)
    sampling = ["sample", here.get_pull(1).head.sha, 1, url, now, now, 3.0]
    write_status(tmp_path, RunStatus(*sampling, step="generating samples"))  # type: ignore[arg-type]
    answer = status()
    assert (
        "- retrain of 3f2a1bc&#58; training knowledge, 40 of 200 optimizer steps; 132 tokens/s; about 3 min "
        f"left in this step &#40;estimated&#41;; running for 12 min ([its log]({url}))" in answer
    )
    assert f"- sample for pull request 1 of {sampling[1][:7]}&#58; generating samples; running for" in answer
    sampling[1] = "f" * 40
    write_status(tmp_path, RunStatus(*sampling))  # type: ignore[arg-type]
    assert "sample for" not in status(), "it was for an earlier commit"


def test_a_status_cannot_speak_through_the_bot(status: Callable[..., str], tmp_path: Path) -> None:
    shown = HOSTILE.replace("\n", " ").replace("\u202e", "").replace("\u200b", "")
    evil = retraining(
        "https://evil.example/actions/runs/7",
        step=shown[:80],
        state="failed",
        reason=shown[80:],
        count=Count(1, 2, shown[40:110], shown),
    )
    write_status(tmp_path, evil)
    answer = status()
    assert "retrain of 3f2a1bc&#58; failed after" in answer
    assert [one for one in ALIVE if one in answer.partition("\n")[2]] == []
    assert "evil.example/actions" not in answer


@pytest.mark.parametrize("content", ["{", '{"version": 2}', "[" * 30_000])
def test_what_is_no_status_is_one_line_of_the_answer(
    status: Callable[..., str], tmp_path: Path, content: str
) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "retrain.json").write_text(content)
    answer = status()
    assert "what runs are doing is not known here&#58;" in answer
    assert "is not the status of a run" in answer
    assert "Nothing is released yet" in answer


def test_a_job_that_cannot_see_the_store_says_so_in_one_line(
    status: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNNER_ENVIRONMENT", "github-hosted")
    assert (
        "- what runs are doing is not known here&#58; store /srv/store&#58; it is a folder of another "
        "machine, which this job cannot see" in status("/srv/store")
    )


def part(lab: Any, name: str = "sample") -> str:
    found = find_comment(lab.as_("arborist[bot]").get_pull(1))
    return read_parts(found.body).get(name, "") if found else ""


def test_the_comment_says_when_a_runner_has_begun(lab: Any, proposal: Any) -> None:
    here = lab.workflow({"checks": "write", "pull-requests": "write", "contents": "read"})
    pull = here.get_pull(1)
    begun(here, 1, pull.head.sha, "sample")
    assert part(lab) == "", "it was started by hand"
    begin(here, pull, Work("sample", "", 7))
    assert "This needs a GPU runner." in part(lab)
    begun(here, 1, pull.head.sha, "sample")
    first, _, rest = part(lab).partition("\n")
    assert first == f"### 🌱 Sample of `{pull.head.sha[:7]}` is in progress"
    assert "A runner began at" in rest
    assert "`/arborist status` shows how far it is" in rest
    assert "This needs a GPU runner." not in rest
    report_check(here, "arborist sample", pull.head.sha, CheckReport("cancelled", "cancelled", ""))
    comment.update_comment(pull, {"sample": ""})
    begun(here, 1, pull.head.sha, "sample")
    assert part(lab) == "", "it was cancelled before"


def test_the_second_in_line_is_told_what_the_first_is_doing(tmp_path: Path) -> None:
    ahead, store = "https://github.com/lab/taxonomy/actions/runs/7", Store(str(tmp_path))
    assert running_at(ahead, store) is None
    write_status(tmp_path, retraining(ahead, run_seconds_left=2400.0))
    status = running_at(ahead, store)
    text = render("training", url="https://x/8", turn=Turn(ahead, 60.0, None, status))
    assert (
        f"begins when [the run before it]({ahead}) has ended, which is now at: training knowledge, 40 of 200 "
        "optimizer steps; about 3 min left in this step, about 40 min left in all" in text
    )
    assert Turn(ahead, 60.0, None, status).rest == 2400.0
    own = Forecast((), 3000.0, None, "", True)
    for known, rest in ((status, "40 min"), (None, "40 min, if it takes as long as this one")):
        text = render("training", url="https://x/8", turn=Turn(ahead, 600.0, own, known))
        assert f"the rest of the run before it: {rest};" in text
    write_status(tmp_path, retraining("https://github.com/lab/taxonomy/actions/runs/6"))
    assert running_at(ahead, store) is None, "it is the status of another run"
    write_status(tmp_path, retraining(ahead, state="done"))
    assert running_at(ahead, store) is None


def test_the_summary_of_the_job_has_the_end_and_the_times_of_the_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    recipe, store = load_recipe(Path("arborist.yaml")), Store(str(tmp_path))
    within = shown_run("retrain", COMMIT, recipe, store)
    with shown_run("retrain", COMMIT, recipe, store), step("mixing samples"), within, step("training skills"):
        pass
    with pytest.raises(UserError), shown_run("trial", COMMIT, recipe, store, 12):
        raise UserError("no GPU @everyone")
    first, second = (tmp_path / "summary.md").read_text().split("### ")[1:]
    assert re.match(r"retrain of 3f2a1bc&#58; done after \d+ s", first)
    assert re.search(r"\| mixing samples \| \d+ s \|\n\| training skills \| \d+ s \|", first)
    assert re.match(
        r"trial for pull request 12 of 3f2a1bc&#58; failed after \d+ s, at&#58; preparing\n", second
    )
    assert "no GPU &#64;&#8203;everyone" in second


def test_a_run_for_a_pull_request_that_fails_is_told_as_failed(
    lab: Any, proposal: Any, status: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, recipe = lab.as_("arborist[bot]"), load_recipe(Path("arborist.yaml"))
    sha = here.get_pull(1).head.sha
    order = gpu_commands.Order(1, sha, "sample", "no~leaf")
    store = Store(str(tmp_path))
    with pytest.raises(UserError), shown_run("sample", sha, recipe, store, 1):
        gpu_commands.work_on_pull(here, tmp_path, order, recipe, store)
    assert re.search(
        rf"- sample for pull request 1 of {sha[:7]}&#58; failed after \d+ s, at&#58; preparing; "
        "'no&#126;leaf' is neither a number of samples",
        status(),
    )
