"""`arborist status`, as a process of its own beside a run that generates."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.core.package_files import shipped
from bot.core.run_status import FOLDER, SCHEMA, TIME, RunStatus
from bot.core.schema import first_mistake
from tests import ROOT
from tests.helpers.faulty_endpoint import Call, Endpoint, answer, endpoint
from tests.helpers.run_statuses import write_status

ARBORIST = str(Path(sys.executable).with_name("arborist"))
RUN = """
import dataclasses, sys
from bot.config.load import load_recipe
from bot.config.recipe import TeacherRecipe
from bot.core.errors import UserError, run_program
from bot.core.status_writer import Run, StatusWriter, kept
from bot.core.store import Store
from bot.pipeline.generate import generate
from tests import ROOT
from tests.helpers.leaves import knowledge

shipped = load_recipe(ROOT / "arborist.yaml")
teacher = TeacherRecipe("openai", "few-words", temperature=0.0, url=sys.argv[2])
recipe = dataclasses.replace(shipped, teacher=teacher)
store = Store(sys.argv[1])

def run():
    with kept(StatusWriter(Run("retrain", "3f2a1bc" + "0" * 33), store)):
        generate([knowledge()], recipe, store)
        if sys.argv[3]:
            raise UserError(sys.argv[3])

run_program(run)
"""
SECONDS = 300


def slowly(call: Call) -> None:
    time.sleep(0.2)
    answer(call)


@pytest.fixture
def teacher() -> Iterator[Endpoint]:
    with endpoint(slowly) as here:
        yield here


def running(store: Path, teacher: Endpoint, failure: str = "") -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", RUN, str(store), teacher.url, failure]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)


def status(store: Path, *options: str, **environment: str) -> "subprocess.Popen[str]":
    # A shell lets the processes that it starts in the background ignore Ctrl-C.
    command = ["env", "--default-signal=INT", ARBORIST, "status", *options]
    command += ["--recipe", str(ROOT / "arborist.yaml")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        command, env=os.environ | {"ARBORIST_STORE": str(store)} | environment, text=True, **pipes
    )


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=SECONDS)
    return process.returncode, out, err


def until_written(store: Path) -> Path:
    file, deadline = store / FOLDER / "retrain.json", time.monotonic() + SECONDS
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return file


@pytest.mark.parametrize(("failure", "code"), [("", 0), ("the disk is full", 1)])
def test_a_watch_begins_before_the_run_and_ends_with_it(
    tmp_path: Path, teacher: Endpoint, failure: str, code: int
) -> None:
    watch = status(tmp_path, "--watch")
    assert watch.stdout is not None
    assert watch.stdout.readline() == f"no such run has written its status to {tmp_path}\n"
    run = running(tmp_path, teacher, failure)
    assert run.wait(SECONDS) == (2 if failure else 0)
    exit_code, out, err = ended(watch)
    assert (exit_code, err) == (code, "")
    *middle, last = out.splitlines()
    assert any("retrain of 3f2a1bc: generating samples" in line and "running for" in line for line in middle)
    assert last.startswith(f"retrain of 3f2a1bc: {'failed' if failure else 'done'} after ")
    assert last.endswith(failure)


def test_of_a_killed_run_a_watch_says_that_it_gives_no_sign_of_life(
    tmp_path: Path, teacher: Endpoint
) -> None:
    run = running(tmp_path, teacher)
    file = until_written(tmp_path)
    run.send_signal(signal.SIGKILL)
    assert run.wait(SECONDS) == -signal.SIGKILL
    assert ended(status(tmp_path))[1].startswith("retrain of 3f2a1bc: ")
    left = json.loads(file.read_text())
    left["updated"] = (datetime.now(UTC) - timedelta(minutes=10)).strftime(TIME)
    file.write_text(json.dumps(left))
    code, out, _ = ended(status(tmp_path, "--watch"))
    assert code == 1
    assert "no sign of life for 10 min" in out
    assert "the next run goes on where it stopped" in out


def test_the_machine_readable_status_is_alone_on_stdout(tmp_path: Path) -> None:
    code, out, err = ended(status(tmp_path, "--json"))
    assert (code, out) == (1, "")
    assert err == f"arborist: status: no such run has written its status to {tmp_path}\n"
    now = datetime.now(UTC)
    write_status(tmp_path, RunStatus("retrain", "", 0, "", now, now, 3.0))
    code, out, err = ended(status(tmp_path, "--json"))
    assert (code, err) == (0, "")
    assert first_mistake(json.loads(out), shipped(SCHEMA)) is None


def test_a_watch_is_ended_by_ctrl_c_without_a_word(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    write_status(tmp_path, RunStatus("retrain", "", 0, "", now, now, 3.0))
    watch = status(tmp_path, "--watch")
    assert watch.stdout is not None
    assert "retrain: preparing" in watch.stdout.readline()
    watch.send_signal(signal.SIGINT)
    assert ended(watch) == (0, "", "")


def test_on_a_terminal_it_is_refreshed_in_place(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    write_status(
        tmp_path, RunStatus("retrain", "", 0, "https://github.com/x/y/actions/runs/7", now, now, 3.0)
    )
    terminal, inside = os.openpty()
    command = [ARBORIST, "status", "--watch", "--recipe", str(ROOT / "arborist.yaml")]
    environment = os.environ | {"ARBORIST_STORE": str(tmp_path), "TERM": "xterm", "COLUMNS": "100"}
    watch = subprocess.Popen(command, env=environment, stdout=inside, stderr=subprocess.STDOUT)
    os.close(inside)
    shown = b""
    while b"preparing" not in shown:
        shown += os.read(terminal, 10_000)
    write_status(tmp_path, RunStatus("retrain", "", 0, "", now, now, 3.0, state="done"))
    while b"done after" not in shown:
        shown += os.read(terminal, 10_000)
    assert watch.wait(SECONDS) == 0
    os.close(terminal)
    assert b"https://github.com/x/y/actions/runs/7" in shown
    assert b"\x1b[2K" in shown, "the lines before were erased"


def test_a_hosted_job_says_that_it_cannot_see_the_folder_of_another_machine(tmp_path: Path) -> None:
    code, out, err = ended(status(tmp_path, RUNNER_ENVIRONMENT="github-hosted"))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "it is a folder of another machine, which this job cannot see" in err


def test_watching_and_json_exclude_each_other(tmp_path: Path) -> None:
    code, out, err = ended(status(tmp_path, "--watch", "--json"))
    assert (code, out) == (2, "")
    assert err == "arborist: status: --watch and --json exclude each other; choose one\n"
