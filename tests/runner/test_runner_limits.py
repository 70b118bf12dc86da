"""What fills its folder, never ends, finds no job or has no hours left is ended, and harms nothing else."""

import json
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime

from tests.helpers.job_runner import WAIT_S, Workplace, processes_with, until, workflow

FILL = workflow("dd if=/dev/zero of=~/full bs=1M count=64 || true", "echo bytes: $(stat -c %s ~/full)")
ENDLESS = workflow("cp /bin/sleep ~/endless-job; setsid ~/endless-job 600 & ~/endless-job 600")
SHORT = workflow("echo still works")


def test_a_job_that_fills_its_folder_harms_no_other(workplace: Callable[..., Workplace]) -> None:
    place = workplace(fill=FILL, short=SHORT)
    done = place.job("fill", "--space-gib", "0.02")
    assert "No space left on device" in done.log
    assert done.code == 0
    assert place.job("short", "--space-gib", "0.02").run.conclusion == "success"


def test_a_job_that_never_ends_is_ended_and_harms_no_other(workplace: Callable[..., Workplace]) -> None:
    place = workplace(endless=ENDLESS, short=SHORT)
    done = place.job("endless", "--job-hours", "0.0005")
    assert (done.code, done.run.conclusion) == (0, "failure")
    assert "The job was ended after 0.0005 hours (--job-hours)" in done.said
    assert "The self-hosted runner lost communication with the server." in done.log
    assert processes_with("endless-job") == []
    assert place.job("short", "--job-hours", "0.01").run.conclusion == "success"


def test_the_days_ceiling_ends_the_job_and_stops_the_next_start(workplace: Callable[..., Workplace]) -> None:
    place = workplace(endless=ENDLESS)
    done = place.job("endless", "--day-hours", "0.0005")
    assert "The job was ended: the day's GPU hours are used (--day-hours)" in done.said
    code, said = place.machine.run("--day-hours", "0.0005")
    assert code == 2
    [line] = said.splitlines()
    assert "of the day's 0.0005 GPU hours are used (--day-hours): no job is taken before 00:00 UTC" in line
    assert place.runners() == {}, "nothing was registered"


def test_a_runner_without_a_job_removes_itself(workplace: Callable[..., Workplace]) -> None:
    place = workplace(short=SHORT)
    code, said = place.machine.run("--idle-minutes", "0.02")
    assert code == 0
    assert "No job came within 0.02 minutes; the runner is removed" in said
    assert place.runners() == {}


def test_a_service_that_is_stopped_removes_its_runner(workplace: Callable[..., Workplace]) -> None:
    place = workplace(endless=ENDLESS)
    process = place.begin("endless")
    until(lambda: processes_with("endless-job"), "the job runs")
    process.terminate()
    process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    assert processes_with("endless-job") == []
    place.lab.idle()
    assert place.runners() == {}


def test_a_killed_runner_leaves_no_process_its_hours_count_and_the_next_start_removes_it(
    workplace: Callable[..., Workplace],
) -> None:
    place = workplace(endless=ENDLESS, short=SHORT)
    process = place.begin("endless")
    until(lambda: processes_with("endless-job"), "the job runs")
    until((place.machine.state / "gpu-hours.json").exists, "GPU time is booked")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=WAIT_S)
    until(lambda: not processes_with("endless-job"), "the kernel ends the job")
    account = json.loads((place.machine.state / "gpu-hours.json").read_text())
    assert account["day"] == datetime.now(UTC).date().isoformat()
    assert account["gpu_seconds"] > 0
    place.lab.idle()

    process = place.machine.start()
    [left] = until(place.runners, "another runner is registered")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=WAIT_S)
    until(lambda: place.runners() == {left: "offline"}, "GitHub notices that it is gone")
    code, said = place.machine.run("--idle-minutes", "0.02")
    assert f"Removed {left}, which an earlier process left behind" in said
    assert (code, place.runners()) == (0, {})
