"""A job whose labels only a just-in-time runner has is run by that runner's process, which then ends."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from github.Repository import Repository

from tests.helpers.job_runner import SOFTWARE, until
from tests.helpers.local_actions import CHECKOUT, Lab, run, steps

LABELS = ["self-hosted", "jit"]
ON = "on: workflow_dispatch\njobs:\n"
JIT = {"runs_on": "[jit]"}
Start = Callable[[Repository], "subprocess.Popen[str]"]


def listed(lab: Lab, repository: Repository) -> list[tuple[str, str]]:
    """The just-in-time runners: status, and whether they have a job."""
    found = lab.api(repository, "actions/runners")["runners"]
    return [(one["status"], "busy" if one["busy"] else "idle") for one in found if one["ephemeral"]]


def online(lab: Lab, repository: Repository) -> list[str]:
    """The names of the runners that are online."""
    found = lab.api(repository, "actions/runners")["runners"]
    return [one["name"] for one in found if one["status"] == "online"]


@pytest.fixture
def start(lab: Lab, tmp_path: Path) -> Iterator[Start]:
    """start(repository): a runner's process that is online."""
    processes: list[subprocess.Popen[str]] = []

    def begin(repository: Repository) -> "subprocess.Popen[str]":
        name = f"jit-{len(processes)}"
        values = {"name": name, "runner_group_id": 1, "labels": LABELS}
        path = f"{repository.url}/actions/runners/generate-jitconfig"
        _, made = repository.requester.requestJsonAndCheck("POST", path, input=values)
        software = tmp_path / name
        shutil.copytree(SOFTWARE, software)
        command = [str(software / "run.sh"), "--jitconfig", made["encoded_jit_config"]]
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        # If a job waits for it, the runner is never seen idle, and a quick job may have ended by now.
        until(lambda: name in online(lab, repository) or process.poll() is not None, "the runner is online")
        return process

    yield begin
    for process in processes:
        process.kill()
        process.wait()


def test_expressions_outputs_and_later_jobs_are_as_in_any_other_job(lab: Lab, start: Start) -> None:
    first = steps(
        'echo "made=$((40 + 2))" >> "$GITHUB_OUTPUT"; echo "KEPT=yes" >> "$GITHUB_ENV"',
        'echo "$KEPT in $(basename "$PWD")"; echo here > file',
        'cat file "$GITHUB_WORKSPACE/file"; echo "::notice::it was ${{ github.event_name }}"',
        job="first",
        **JIT,
        outputs="{made: '${{ steps.made.outputs.made }}'}",
    ).replace('- run: |\n          echo "made', '- id: made\n        run: |\n          echo "made')
    second = steps("echo got ${{ needs.first.outputs.made }}", job="second", needs="first")
    repository = lab.repository(work=ON + first + second)
    process = start(repository)
    done = run(lab, repository)
    assert done.conclusion == "success"
    log = lab.log(done).splitlines()
    assert {"yes in job", "here", "##[notice]it was workflow_dispatch", "got 42"} <= set(log)
    assert [job.runner_name for job in done.jobs()] == ["jit-0", "local"]
    assert process.wait(10) == 0
    assert listed(lab, repository) == []


def test_a_step_that_fails_ends_the_job_and_the_runner(lab: Lab, start: Start) -> None:
    repository = lab.repository(work=ON + steps("echo before; exit 7", "echo after", **JIT))
    process = start(repository)
    done = run(lab, repository)
    assert done.conclusion == "failure"
    assert "before" in lab.log(done)
    assert "after" not in lab.log(done).splitlines()
    assert process.wait(10) == 0


def test_jobs_wait_until_a_runner_is_idle_and_each_has_its_own(lab: Lab, start: Start) -> None:
    repository = lab.repository(work=ON + steps("true", job="a", **JIT) + steps("true", job="b", **JIT))
    start(repository)
    repository.get_workflow("work.yml").create_dispatch("main")
    until(lambda: listed(lab, repository) == [], "the first runner is gone")
    start(repository)
    lab.idle()
    [done] = repository.get_workflow_runs()
    assert done.conclusion == "success"
    assert {job.runner_name for job in done.jobs()} == {"jit-0", "jit-1"}


def test_a_runner_with_a_job_cannot_be_removed_and_a_cancelled_job_ends_it(lab: Lab, start: Start) -> None:
    repository = lab.repository(work=ON + steps("sleep 60", **JIT))
    process = start(repository)
    repository.get_workflow("work.yml").create_dispatch("main")
    until(lambda: listed(lab, repository) == [("online", "busy")], "the job has begun")
    [one] = [one for one in lab.api(repository, "actions/runners")["runners"] if one["ephemeral"]]
    status, _, _ = repository.requester.requestJson("DELETE", f"{repository.url}/actions/runners/{one['id']}")
    assert status == 422
    [run] = repository.get_workflow_runs()
    run.cancel()
    lab.idle()
    assert repository.get_workflow_runs()[0].conclusion == "cancelled"
    assert process.wait(20) == 0


def test_a_job_without_a_registered_runner_or_with_an_action_is_refused(lab: Lab, start: Start) -> None:
    uses = f"  work:\n    runs-on: [jit]\n    steps:\n      - uses: {CHECKOUT}\n"
    repository = lab.repository(work=ON + steps("true", **JIT), uses=ON + uses)
    assert "no local runner has the label jit" in lab.log(run(lab, repository))
    start(repository)
    refused = lab.log(run(lab, repository, "uses"))
    assert "in the local world, just-in-time runners run only steps with `run`" in refused
