"""A server that is kept up: restarted when it dies, given up when it cannot stay, and never left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.core.errors import UserError
from bot.inference.engine import Request
from bot.inference.engine_openai import OpenAIEngine
from bot.inference.engine_served import ServedEngine
from bot.inference.kept_server import STARTS, KeptServer
from tests import ROOT
from tests.helpers.local_hub import free_port
from tests.helpers.tiny_server import left, started

SERVE = (
    "import sys; from pathlib import Path; from bot.core.errors import run_program\n"
    "from bot.inference.kept_server import KeptServer; from bot.inference.teacher_server import serve\n"
    "folder, port, command = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]\n"
    "tiny = [sys.executable, '-m', 'tests.helpers.tiny_server', port, str(folder)]\n"
    "kept = KeptServer('teacher', tiny, f'http://127.0.0.1:{port}', folder / 'log')\n"
    "run_program(lambda: sys.exit(serve(kept, command)))\n"
)
"""Serves the tiny server as `arborist teacher up` serves vLLM."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "seconds").write_text("0")
    yield tmp_path
    until(lambda: not left(tmp_path), "every server ended with what started it")


def kept(folder: Path) -> KeptServer:
    port = free_port()
    command = [sys.executable, "-m", "tests.helpers.tiny_server", str(port), str(folder)]
    return KeptServer("teacher", command, f"http://127.0.0.1:{port}", folder / "log")


def until(reached: Callable[[], object], what: str, limit_s: float = 240) -> None:
    deadline = time.monotonic() + limit_s
    while not reached():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def serving(folder: Path, *command: str) -> "subprocess.Popen[str]":
    """A process that serves, in its own group; what it prints is piped."""
    whole = [sys.executable, "-c", SERVE, str(folder), str(free_port()), *command]
    return subprocess.Popen(
        whole, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0
    )


def ask(url: str, count: int, patience_s: float = 240) -> list[str]:
    engine = OpenAIEngine(f"{url}/v1", "tiny", patience_s=patience_s)
    requests = [Request((("user", f"{number}"),), 8, 0.0) for number in range(count)]
    answers = sorted(engine.complete(requests), key=lambda answer: answer.index)
    engine.close()
    assert not [answer.failure for answer in answers if answer.failure]
    return [answer.text for answer in answers]


def test_a_server_that_is_killed_is_started_again_without_its_old_children(folder: Path) -> None:
    server = kept(folder)
    until(server.watch, "healthy")
    [first], before = started(folder), left(folder)
    os.kill(first, signal.SIGKILL)
    until(lambda: not server.watch(), "its end is noticed")
    until(server.watch, "healthy again")
    assert len(started(folder)) == 2
    assert not set(before) & set(left(folder))
    server.stop()


def test_requests_under_way_when_it_dies_are_sent_again_and_none_is_lost(folder: Path) -> None:
    (folder / "seconds").write_text("1")
    server, stop = kept(folder), threading.Event()

    def keep() -> None:
        while not stop.wait(0.1):
            server.watch()
        server.stop()

    def kill() -> None:
        until((folder / "asked").exists, "a request is under way")
        os.kill(started(folder)[0], signal.SIGKILL)

    threads = [threading.Thread(target=what) for what in (keep, kill)]
    for thread in threads:
        thread.start()
    assert ask(server.url, 12) == [f"{number}" for number in range(12)]
    stop.set()
    for thread in threads:
        thread.join()
    assert len(started(folder)) == 2


def test_one_that_dies_at_once_each_time_is_given_up_with_its_last_error(folder: Path) -> None:
    (folder / "broken").write_text(
        "INFO loading\nTraceback (most recent call last):\n  File 'a.py'\nValueError: no such dtype: fp3\n"
        "RuntimeError: Engine core initialization failed. See root cause above.\nINFO bye\n"
    )
    server = kept(folder)
    with pytest.raises(UserError) as raised:
        until(server.watch, "never")
    assert len(started(folder)) == STARTS
    said = str(raised.value)
    assert said.startswith(
        "teacher does not stay up: 3 starts in a row failed; the last one exited with code 1"
    )
    assert "ValueError: no such dtype: fp3 (its output is in " in said
    assert "\n" not in said


def test_it_ends_with_the_process_that_keeps_it_even_if_that_is_killed(folder: Path) -> None:
    process = serving(folder)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("ARBORIST_TEACHER_URL=http://127.0.0.1:")
    assert len(left(folder)) == 2
    process.kill()
    process.communicate()
    until(lambda: not left(folder), "no process is left")


def test_it_ends_with_its_parent_even_if_that_is_killed(folder: Path) -> None:
    words = [sys.executable, "-c", SERVE, str(folder), str(free_port())]
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess; subprocess.run({words!r})"],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None and "ARBORIST_TEACHER_URL" in parent.stdout.readline()
    parent.kill()
    parent.communicate(timeout=240)
    until(lambda: not left(folder), "no process is left")


def test_told_to_stop_it_finishes_the_requests_under_way(folder: Path) -> None:
    (folder / "seconds").write_text("2")
    process = serving(folder)
    assert process.stdout is not None
    url = process.stdout.readline().partition("=")[2].strip().removesuffix("/v1")

    def stop() -> None:
        until((folder / "asked").exists, "the request is under way")
        process.terminate()

    stopper = threading.Thread(target=stop)
    stopper.start()
    assert ask(url, 1, patience_s=0) == ["0"]
    stopper.join()
    assert process.wait(240) == 0
    process.communicate()


@pytest.mark.parametrize(
    ("command", "code"),
    [("exit 3", 3), ('test "$ARBORIST_TEACHER_URL" && kill -9 $$', 137)],
)
def test_with_a_command_it_ends_with_the_command_and_has_its_exit_code(
    folder: Path, command: str, code: int
) -> None:
    process = serving(folder, "sh", "-c", command)
    output, _ = process.communicate(timeout=240)
    assert (process.returncode, output) == (code, "")
    assert len(started(folder)) == 1


def test_a_command_ends_with_a_server_that_cannot_stay_up(folder: Path) -> None:
    """It would wait for answers for ever."""
    process = serving(folder, "sleep", "600")
    until(lambda: len(left(folder)) == 2, "healthy")
    (folder / "broken").write_text("error: the GPU fell off")
    time.sleep(1)
    os.kill(started(folder)[0], signal.SIGKILL)
    _, said = process.communicate(timeout=240)
    assert process.returncode == 2
    [last] = [line for line in said.splitlines() if line.startswith("arborist: ")]
    assert "does not stay up" in last and "error: the GPU fell off" in last


def test_an_engine_has_a_server_of_its_own_until_it_is_closed(folder: Path) -> None:
    engine = ServedEngine(lambda: kept(folder), lambda url: OpenAIEngine(url, "tiny", patience_s=240))
    question = Request((("user", "Hello"),), 8, 0.0)
    for starts in (1, 2):
        assert [answer.text for answer in engine.complete([question])] == ["Hello"]
        assert len(started(folder)) == starts
        engine.close()
        assert not left(folder)
    (folder / "broken").write_text("error: no room")
    with pytest.raises(UserError, match=r"does not stay up: .*error: no room"):
        list(engine.complete([question]))
    engine.close()
