"""Artifacts from whoever changes lint.yml in a pull request: checked, or nothing is told.

On GitHub, and so here, a pull request's own workflow files run for it, without secrets and without rights.
What such a run hands over is the author's to choose.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from github.PullRequest import PullRequest

from tests.helpers.loop import (
    ALIVE,
    HOSTILE,
    bot_comments,
    check_is,
    comment_that,
    fork,
    git,
    push,
    repository,
    until,
)

WORKFLOW = """
name: lint
on: pull_request
permissions: {{}}
jobs:
  lint:
    runs-on: ubuntu-latest
    permissions:
      contents: read
    steps:
      - run: |
          mkdir report
          {script}
      - uses: actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a
        with:
          name: report
          path: report
"""


def lint(**changes: Any) -> dict[str, Any]:
    counts = {"error": 0, "warning": 0, "info": 0, "leaves": 0}
    return {"version": 1, "root": "taxonomy", "findings": [], "leaves": [], "counts": counts, **changes}


def plan(**changes: Any) -> dict[str, Any]:
    base = {"base": "BASE", "base_ref": "main"}
    return {"version": 1, "pull": 0, "head": "", **base, "leaves": [], "same": 0, **changes}


def finding(text: str, number: int = 1) -> dict[str, Any]:
    place = {"path": text, "line": number, "column": 1}
    return {
        **place,
        "rule": "not-text",
        "severity": "error",
        "message": text,
        "help": text,
        "fixed_line": text.replace("\n", " "),
    }


# In what a script writes, SELF, HEAD and BASE become the pull request's own number and commits.
SHA = "${{ github.event.pull_request.head.sha }}"
BASE = "${{ github.event.pull_request.base.sha }}"
OWN = f'sed -i "s/SELF/${{{{ github.event.number }}}}/; s/HEAD/{SHA}/; s/BASE/{BASE}/" report/*.json'


def written(lint_json: str, plan_json: str) -> str:
    """A script that writes the two files."""
    files = {"lint": lint_json, "plan": plan_json}
    return "\n".join(
        [*(f"cat > report/{name}.json <<'EOF'\n{text}\nEOF" for name, text in files.items()), OWN]
    )


def of_self(**changes: Any) -> str:
    return json.dumps(plan(pull="SELF", head="HEAD", **changes)).replace('"SELF"', "SELF")


CLEAN, SELF = json.dumps(lint()), of_self()
CLIMBS = """python3 - <<'EOF'
import io, os, urllib.request, zipfile
made = io.BytesIO()
with zipfile.ZipFile(made, "w") as archive:
    archive.writestr("lint.json", "{}")
    for name in ("../arborist.yaml", "../.bot/bot/cli.py", "/tmp/climbed"):
        archive.writestr(name, "raise SystemExit('climbed')")
headers = {"Authorization": "Bearer " + os.environ["ACTIONS_RUNTIME_TOKEN"]}
url = os.environ["ACTIONS_RESULTS_URL"] + "/report"
urllib.request.urlopen(urllib.request.Request(url, made.getvalue(), headers, method="PUT"))
EOF
"""
# what is handed over; what report.yml says, and whether that is a mistake
REFUSED = {
    "the number of another pull request": (
        written(CLEAN, json.dumps(plan(pull=1, head="HEAD"))), "was changed meanwhile", "success"),
    "a number that there is not": (
        written(CLEAN, json.dumps(plan(pull=9999, head="HEAD"))), "GitHub answered 404", "failure"),
    "a commit that is not the head": (
        written(CLEAN, SELF.replace("HEAD", "0" * 40)), "names commit 0000000", "failure"),
    "a gigabyte": (
        "truncate -s 1G report/lint.json; echo {} > report/plan.json", "larger than 20 MiB", "failure"),
    "an archive that climbs out of its folder": (CLIMBS, "schemas/report.json", "failure"),
    "a link to a file of the runner's": (
        "ln -s /etc/passwd report/lint.json; echo {} > report/plan.json", "lint.json", "failure"),
}  # fmt: skip


@pytest.fixture(scope="module")
def clone(world: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifacts")
    fork(world, folder, "one")
    return folder


@pytest.fixture(scope="module")
def victim(world: dict[str, Any], clone: Path) -> PullRequest:
    """Somebody's pull request that others would like to speak on."""
    (clone / "taxonomy" / "README.md").write_text("Ours\n")
    push(clone, "A page")
    here = repository(world, "contributor")
    opened = here.create_pull(base="main", head="contributor:one", title="A page")
    comment_that(opened, "Lint", "Plan")
    return opened


@pytest.fixture
def proposed(world: dict[str, Any], clone: Path, victim: PullRequest) -> Callable[[str, str], PullRequest]:
    """proposed(branch, script): a pull request whose own lint.yml runs a script."""

    def propose(branch: str, script: str) -> PullRequest:
        git(clone, "checkout", "--quiet", "-b", branch, "origin/main")
        (clone / ".github/workflows/lint.yml").write_text(
            WORKFLOW.format(script=script.replace("\n", "\n          "))
        )
        push(clone, "Look away")
        return repository(world, "contributor").create_pull(
            base="main", head=f"contributor:{branch}", title="Look away"
        )

    return propose


def reported(world: dict[str, Any], pull: PullRequest) -> Any:
    """The ended run of report.yml that followed the pull request's lint."""
    here = repository(world, "maintainer")

    def look() -> Any:
        lints = {run.id for run in here.get_workflow("lint.yml").get_runs(head_sha=pull.head.sha)}
        runs = list(here.get_workflow("report.yml").get_runs())
        return next(
            (
                run
                for run in runs
                if run.status == "completed" and len(lints) and run.created_at >= pull.created_at
            ),
            None,
        )

    return until(look, "the report")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_right_is_refused_in_one_line_and_told_nowhere(
    world: dict[str, Any], proposed: Callable[[str, str], PullRequest], victim: PullRequest, name: str
) -> None:
    script, reason, conclusion = REFUSED[name]
    before = bot_comments(victim)
    pull = proposed(name.replace(" ", "-"), script)
    run = reported(world, pull)
    assert run.conclusion == conclusion
    log = job_log(world, run)
    assert reason in log
    assert "Traceback" not in log
    assert bot_comments(pull) == []
    assert bot_comments(victim) == before
    commit = repository(world, "outsider").get_commit(pull.head.sha)
    assert not list(commit.get_check_runs(check_name="arborist lint"))


def test_a_hundred_thousand_findings_are_one_short_comment(
    world: dict[str, Any], proposed: Callable[[str, str], PullRequest]
) -> None:
    many = f"""python3 - <<'EOF'
import json
many = [{{**{finding("x")!r}, "line": n + 1}} for n in range(100_000)]
open("report/lint.json", "w").write(json.dumps({{**{lint()!r}, "findings": many}}))
open("report/plan.json", "w").write({SELF!r})
EOF
"""
    pull = proposed("many", many + OWN)
    assert reported(world, pull).conclusion == "success"
    (body,) = bot_comments(pull)
    assert len(body) < 30_000
    assert "99970 more" in body


def test_nothing_in_an_artifact_comes_alive_in_the_comment(
    world: dict[str, Any], proposed: Callable[[str, str], PullRequest]
) -> None:
    leaves = [{"path": HOSTILE.replace("\n", " "), "change": "added", "key": "0" * 64}]
    hostile = json.dumps(lint(findings=[finding(HOSTILE)]))
    pull = proposed("hostile", written(hostile, of_self(leaves=leaves)))
    assert reported(world, pull).conclusion == "success"
    (body,) = bot_comments(pull)
    for active in ALIVE:
        assert active not in body
    assert repository(world, "outsider").get_issue(1).state == "open"


def test_a_pull_request_that_rewrites_lint_gets_no_green_until_a_maintainer_approves_it(
    world: dict[str, Any], proposed: Callable[[str, str], PullRequest]
) -> None:
    pull = proposed("clean", written(CLEAN, SELF))
    assert reported(world, pull).conclusion == "success"
    body = comment_that(pull, "changes how the bot itself works", "`.github`", "Not shown:")
    assert "Nothing to fix" not in body
    check_is(world, pull, "action_required")
    maintainer = repository(world, "maintainer")
    maintainer.get_pull(pull.number).create_review(event="APPROVE")
    maintainer.get_issue(pull.number).create_comment("/arborist lint")
    body = comment_that(pull, "maintainer approved")
    assert "Not shown:" not in body
    newest = maintainer.get_workflow("lint.yml").get_runs()[0]
    assert (newest.event, newest.head_branch, newest.conclusion) == ("workflow_dispatch", "main", "success")
    until(lambda: conclusions(world, pull)[-1] == "success", "the check to be green")


def conclusions(world: dict[str, Any], pull: PullRequest) -> list[str]:
    """How the bot's checks of lint ended, the oldest first."""
    runs = (
        repository(world, "outsider")
        .get_commit(pull.head.sha)
        .get_check_runs(check_name="arborist lint", filter="all")
    )
    return [run.conclusion for run in sorted(runs, key=lambda run: run.id)]


def job_log(world: dict[str, Any], run: Any) -> str:
    (job,) = run.jobs()
    headers = {"Authorization": f"Bearer {world['tokens']['maintainer']}"}
    return requests.get(f"{job.url}/logs", headers=headers, timeout=30).text
