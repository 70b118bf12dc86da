"""When runs go, wait and end: concurrency groups, timeouts, cancelling, running again, a restart."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from github.Repository import Repository
from github.WorkflowRun import WorkflowRun

from tests.contract.plugin import Watch
from tests.helpers.local_actions import Lab, only, steps
from tests.helpers.loop import until

ON = "on: {workflow_dispatch: {inputs: {group: {default: one}, cancels: {default: 'false'}}}}\n"
CANCELS = "'${{ inputs.cancels == ''true'' }}'"
GROUP = f"{{group: '${{{{ github.workflow }}}}-${{{{ inputs.group }}}}', cancel-in-progress: {CANCELS}}}"
SLEEP = 'echo sleeping; touch "$RUNNER_TEMP/slept"; sleep 1'
LONG = "echo sleeping; sleep 60"
FOREVER = str(10**6 + os.getpid())
"""Seconds that nobody else on this machine sleeps."""


def go(repository: Repository, name: str = "work", **inputs: str) -> None:
    """Dispatch a workflow."""
    assert repository.get_workflow(f"{name}.yml").create_dispatch("main", inputs)


def conclusions(repository: Repository) -> list[str]:
    """Of all runs, the oldest first."""
    return [run.conclusion for run in repository.get_workflow_runs()][::-1]


def span(run: WorkflowRun) -> tuple[str, str]:
    """When a run's jobs began and ended."""
    jobs = list(run.jobs())
    return min(str(job.started_at) for job in jobs), max(str(job.completed_at) for job in jobs)


def test_of_a_group_one_goes_and_the_last_one_waits(lab: Lab) -> None:
    repository = lab.repository(work=f"{ON}concurrency: {GROUP}\njobs:\n{steps(SLEEP)}")
    go(repository)
    lab.wait_output("sleeping")
    for _ in range(3):
        go(repository)
    lab.idle()
    assert conclusions(repository) == ["success", "cancelled", "cancelled", "success"]
    runs = list(repository.get_workflow_runs())
    assert span(runs[0])[0] >= span(runs[3])[1]
    assert "replaced by a later one in the concurrency group work-one" in lab.page(runs[2])


def test_other_groups_go_at_the_same_time_but_no_more_than_two(lab: Lab) -> None:
    repository = lab.repository(work=f"{ON}concurrency: {GROUP}\njobs:\n{steps('echo sleeping; sleep 2')}")
    for group in ("one", "two", "three"):
        go(repository, group=group)
    lab.wait(repository, "in_progress", 2)
    assert [run.status for run in repository.get_workflow_runs()] == ["queued", "in_progress", "in_progress"]
    lab.idle()
    assert conclusions(repository) == ["success"] * 3


def test_a_later_run_cancels_the_one_that_goes_where_it_says_so(lab: Lab) -> None:
    repository = lab.repository(work=f"{ON}concurrency: {GROUP}\njobs:\n{steps(LONG)}\n")
    go(repository)
    lab.wait_output("sleeping")
    first = only(repository.get_workflow_runs())
    go(repository, cancels="true")
    for _ in range(400):
        if first.update() and first.status == "completed":
            break
        time.sleep(0.05)
    assert first.conclusion == "cancelled"
    assert lab.results(first) == {"work": "cancelled"}
    lab.wait_output("sleeping")
    assert repository.get_workflow_runs()[0].cancel()
    lab.idle()
    assert conclusions(repository) == ["cancelled", "cancelled"]
    checks = list(repository.get_commit("main").get_check_runs())
    assert {(check.status, check.conclusion) for check in checks} == {("completed", "cancelled")}


CALLEE = f"""\
on: {{workflow_dispatch: {{inputs: {{pull: {{}}}}}}, workflow_call: {{inputs: {{pull: {{type: string}}}}}}}}
concurrency: {{group: 'sample-${{{{ inputs.pull }}}}', cancel-in-progress: true}}
jobs:
{steps("echo sample ${{ inputs.pull }}; sleep ${{ inputs.pull == '7' && 60 || 0 }}", job="sample")}"""
CALLER = """\
on: {workflow_dispatch: {inputs: {pull: {}}}}
jobs:
  ask: {runs-on: ubuntu-latest, outputs: {pull: '${{ inputs.pull }}'}, steps: [{run: 'true'}]}
  call: {needs: ask, uses: ./.github/workflows/sample.yml, with: {pull: '${{ needs.ask.outputs.pull }}'}}
"""


def test_a_called_workflow_keeps_its_own_group_whoever_calls_it(lab: Lab) -> None:
    repository = lab.repository(caller=CALLER, sample=CALLEE)
    go(repository, "caller", pull="7")
    lab.wait_output("sample 7")
    first = only(repository.get_workflow_runs())
    go(repository, "sample", pull="7")
    lab.wait(repository, "completed")
    lab.wait_output("sample 7")
    assert lab.results(first) == {"ask": "success", "call / sample": "cancelled"}
    assert first.update() and first.conclusion == "cancelled"
    go(repository, "caller", pull="7")
    lab.wait(repository, "completed", 2)
    lab.wait_output("sample 7")
    assert repository.get_workflow_runs()[0].cancel()
    lab.idle()
    assert conclusions(repository) == ["cancelled"] * 3


def test_jobs_of_a_group_go_one_after_the_other_and_one_waits(lab: Lab) -> None:
    job = steps("echo sleeping; sleep 2", concurrency="'gpu-${{ inputs.group }}'") + steps("true", job="free")
    repository = lab.repository(work=f"{ON}jobs:\n{job}")
    go(repository)
    lab.wait_output("sleeping")
    go(repository)
    lab.idle()
    second, first = repository.get_workflow_runs()
    assert lab.results(first) == lab.results(second) == {"work": "success", "free": "success"}
    ended = next(job.completed_at for job in first.jobs() if job.name == "work")
    began = next(step.started_at for job in second.jobs() if job.name == "work" for step in job.steps[1:])
    assert str(began) >= str(ended)


def test_a_job_that_asks_for_the_group_of_its_own_run_does_not_hang(lab: Lab) -> None:
    repository = lab.repository(work=f"{ON}concurrency: same\njobs:\n{steps('true', concurrency='Same')}")
    go(repository)
    lab.idle()
    run = only(repository.get_workflow_runs())
    assert run.conclusion == "failure"
    assert "a deadlock" in lab.log(run)


def test_a_job_that_takes_too_long_is_cancelled_and_the_others_go_on(lab: Lab) -> None:
    late = steps(LONG, timeout_minutes="${{ inputs.group == 'one' && 0.02 || 5 }}")
    late += "      - if: always()\n        run: echo tidied up\n"
    repository = lab.repository(work=f"{ON}jobs:\n{late}{steps('echo other; sleep 3', job='other')}")
    go(repository)
    lab.idle()
    run = only(repository.get_workflow_runs())
    assert run.conclusion == "cancelled"
    assert lab.results(run) == {"work": "cancelled", "other": "success"}
    assert "The job has exceeded the maximum execution time of 0.02 minutes" in lab.log(run)
    assert "tidied up" in lab.log(run)


def sleepers() -> list[psutil.Process]:
    return [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", FOREVER]]


@pytest.mark.parametrize("command", [f"sleep {FOREVER}", f"setsid sleep {FOREVER} & echo sleeping; exit 0"])
def test_nothing_that_a_run_started_is_left(lab: Lab, command: str) -> None:
    repository = lab.repository(work=f"{ON}jobs:\n{steps('echo sleeping', command)}")
    go(repository)
    if "setsid" not in command:
        lab.wait_output("sleeping")
        assert only(repository.get_workflow_runs()).cancel()
    lab.idle()
    assert sleepers() == []
    assert conclusions(repository) == ["success" if "setsid" in command else "cancelled"]


def test_what_waits_is_cancelled_before_it_begins(lab: Lab) -> None:
    repository = lab.repository(work=f"{ON}concurrency: {GROUP}\njobs:\n{steps(SLEEP)}")
    go(repository)
    lab.wait_output("sleeping")
    go(repository)
    assert repository.get_workflow_runs()[0].cancel()
    lab.idle()
    assert conclusions(repository) == ["success", "cancelled"]


def test_a_run_is_made_again_with_its_number_and_new_jobs(lab: Lab) -> None:
    command = 'echo "attempt $GITHUB_RUN_ATTEMPT of $GITHUB_RUN_NUMBER"; exit $((2 - GITHUB_RUN_ATTEMPT))'
    repository = lab.repository(work=f"{ON}jobs:\n{steps(command)}")
    go(repository)
    lab.idle()
    run = only(repository.get_workflow_runs())
    assert run.conclusion == "failure"
    assert run.rerun()
    lab.idle()
    run = only(repository.get_workflow_runs())
    assert (run.run_attempt, run.conclusion, run.run_number) == (2, "success", 1)
    assert "attempt 2 of 1" in lab.log(run)
    assert [job.run_attempt for job in run.jobs("all")] == [1, 2]
    (step,) = [step for step in run.jobs()[0].steps if step.name.startswith("Run")]
    assert step.conclusion == "success"


DIE = """\
import sys, time
from pathlib import Path
from tests.contract.plugin import Watch
from tests.helpers.local_actions import Lab, steps
lab = Lab(Path(sys.argv[1]), Watch())
top = "on: workflow_dispatch\\nconcurrency: one\\njobs:\\n"
repository = lab.repository(work=top + steps(f"echo up; sleep {sys.argv[2]}"))
for _ in range(2):
    repository.get_workflow("work.yml").create_dispatch("main")
    lab.wait_output("up")
print(lab.port, flush=True)
time.sleep(60)
"""


def test_after_a_kill_nothing_hangs_and_what_waited_goes(tmp_path: Path, contract: Watch) -> None:
    killed = subprocess.Popen(
        [sys.executable, "-c", DIE, str(tmp_path), FOREVER], stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    port = int(killed.stdout.readline())
    assert len(sleepers()) == 1
    killed.kill()
    killed.wait()
    lab = Lab(tmp_path, contract, port)
    try:
        repository = lab.client("maintainer").get_repo("lab/repository-0")
        lab.wait_output("up")
        second, first = repository.get_workflow_runs()
        assert (first.status, first.conclusion) == ("completed", "cancelled")
        assert lab.results(first) == {"work": "cancelled"}
        assert "was shut down during this run" in lab.page(first)
        until(lambda: len(sleepers()) == 1, "the job's sleep, which begins after its output", 30)
        assert second.status == "in_progress"
    finally:
        lab.stop()
    assert sleepers() == []


def test_a_stop_cancels_what_runs(tmp_path: Path, contract: Watch) -> None:
    lab = Lab(tmp_path, contract)
    repository = lab.repository(work=f"{ON}jobs:\n{steps(f'echo up; sleep {FOREVER}')}")
    go(repository)
    lab.wait_output("up")
    lab.actions.stop()
    assert conclusions(repository) == ["cancelled"]
    assert sleepers() == []
    lab.stop()
