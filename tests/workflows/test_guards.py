"""The shipped workflow files: two linters find nothing, and what those miss is checked here."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.recipe import ROOT

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BIN = Path(sys.executable).parent


def loaded(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(path.read_text())
    return data


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True)


def test_zizmor_finds_nothing() -> None:
    done = run(
        "zizmor", "--offline", "--persona", "auditor", ".github", "action.yml", ".pre-commit-hooks.yaml"
    )
    assert done.returncode == 0, done.stdout


def test_actionlint_finds_nothing() -> None:
    done = run("actionlint", *(str(path) for path in FILES))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_ignore_says_its_reason(path: Path) -> None:
    for line in path.read_text().splitlines():
        if "zizmor: ignore" in line:
            assert re.search(r"zizmor: ignore\[[\w-]+\] \S+ \S+", line), line


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_job_gets_a_permission_that_it_does_not_state(path: Path) -> None:
    data = loaded(path)
    assert data["permissions"] == {}
    assert all("permissions" in job for job in data["jobs"].values())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_job_has_a_timeout_or_calls_one_that_has(path: Path) -> None:
    for job in loaded(path)["jobs"].values():
        assert "timeout-minutes" in job or "uses" in job


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_sha(path: Path) -> None:
    for use in re.findall(r"uses: (\S+)", path.read_text()):
        assert use.startswith("./") or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", use)


def heads(step: dict[str, Any]) -> bool:
    """Whether a step checks out what a pull request brings."""
    ref = str(step.get("with", {}).get("ref", ""))
    return (
        "pull_request.head" in ref or "refs/pull" in ref or "workflow_run.head" in ref or "inputs.sha" in ref
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_only_the_job_without_any_right_sees_the_proposal_and_not_as_code(path: Path) -> None:
    for job in loaded(path)["jobs"].values():
        for step in job.get("steps", []):
            if heads(step):
                assert path.name == "lint.yml"
                assert job["permissions"] == {"contents": "read"}
                assert step["with"]["path"] == "proposal"
                assert step["with"]["persist-credentials"] is False
                assert "secrets." not in str(job)


def test_no_workflow_runs_a_proposal_with_the_targets_rights() -> None:
    assert all("pull_request_target" not in path.read_text() for path in FILES)


def test_a_gpu_job_is_reached_only_by_a_maintainers_command_main_or_a_schedule() -> None:
    reached = {
        path.name: set(loaded(path)[True])
        for path in FILES
        if any("self-hosted" in str(job.get("runs-on")) for job in loaded(path)["jobs"].values())
    }
    assert reached == {
        "sample.yml": {"workflow_call", "workflow_dispatch"},
        "retrain.yml": {"push", "schedule", "workflow_dispatch"},
    }
    caller = loaded(ROOT / ".github" / "workflows" / "commands.yml")["jobs"]["sample"]
    assert caller["needs"] == "command"
    assert caller["if"] == "needs.command.outputs.sha != ''"


def test_a_release_is_never_cancelled() -> None:
    concurrency = loaded(ROOT / ".github" / "workflows" / "retrain.yml")["concurrency"]
    assert concurrency == {"group": "retrain", "cancel-in-progress": False}
