"""A server process that is kept running: started, restarted when it dies, stopped with its children."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from bot.core.errors import UserError
from bot.core.progress import LOG_EVERY_S, say

STARTS = 3
"""After this many starts in a row whose server died soon, the server is given up."""
SETTLED_S = 60.0
"""A server that was healthy for this long did not die soon."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
"""The pause before a restart doubles with each start in a row that failed."""
LONGEST_START_S = 1800.0
"""A server that is not healthy after this time is killed, and counts as one that died."""
STOP_S = 75.0
"""How long a server may take to end after it was told to stop."""
_ERROR = re.compile(r"\b\w*(?:Error|Exception)\b\s*:|\berror:", re.IGNORECASE)
_POINTER = re.compile("see root cause above|see stack trace", re.IGNORECASE)
"""An error that only points to another one."""
LONGEST_LINE = 300


@dataclass
class KeptServer:
    """A server; `watch` has to be called again and again.

    Attributes:
        name: what the server is, for messages.
        command: the command that starts it in the foreground.
        url: its address; `url`/health answers 200 when it is healthy.
        log: the file for its output; it stays if the server was given up.
        environment: environment variables for it, beside those of this process.
        healthy: whether it was healthy when it was last watched.
    """

    name: str
    command: Sequence[str]
    url: str
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    healthy: bool = False
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    _group: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    _since: float = field(default=0.0, init=False)
    _told: float = field(default=0.0, init=False)
    _failed: int = field(default=0, init=False)
    _resume: float = field(default=0.0, init=False)
    _begin: int = field(default=0, init=False)

    def watch(self) -> bool:
        """Start the server, or start it again if it died; return whether it is healthy now.

        Raises:
            UserError: it died soon after each of the last STARTS starts.
        """
        now = time.monotonic()
        if self._process is None:
            if now >= self._resume:
                self._start(now)
        elif (code := self._process.poll()) is not None:
            self._died(f"exited with code {code}" if code >= 0 else f"was killed by signal {-code}", now)
        elif not self.healthy:
            self._wait(now)
        return self.healthy

    def stop(self) -> None:
        """End the server: requests under way are finished, for at most STOP_S; then no process is left."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_S)
        self._end_group()
        if self._failed < STARTS:
            self.log.unlink(missing_ok=True)

    def _start(self, now: float) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._begin, self._since, self._told = log.tell(), now, now
            self._group = _end_with_this_process()
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                process_group=self._group.pid,
            )

    def _wait(self, now: float) -> None:
        """Check the server's health while it starts; report progress."""
        if _answers(self.url):
            say(f"{self.name}: healthy after {now - self._since:.0f} s at {self.url}")
            self.healthy, self._since = True, now
        elif now - self._since > LONGEST_START_S:
            self._died(f"was not healthy after {LONGEST_START_S:.0f} s", now)
        elif now - self._told >= LOG_EVERY_S:
            self._told = now
            say(
                f"{self.name}: starting for {now - self._since:.0f} s: {(self._lines() or ['no output'])[-1]}"
            )

    def _died(self, how: str, now: float) -> None:
        self._end_group()
        settled = self.healthy and now - self._since >= SETTLED_S
        self._process, self.healthy, self._failed = None, False, 1 if settled else self._failed + 1
        why = f"{how}: {self._last_error()}"
        if self._failed >= STARTS:
            raise UserError(
                f"{self.name} does not stay up: {STARTS} starts in a row failed; the last one {why} "
                f"(its output is in {self.log})"
            )
        pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (self._failed - 1))
        self._resume = now + pause
        say(f"{self.name} {why}; it is started again in {pause:.0f} s")

    def _end_group(self) -> None:
        """Kill all processes of the server that are left, its children included."""
        if self._group is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._group.pid, signal.SIGKILL)
            self._group.communicate()
            self._group = None
        if self._process is not None:
            self._process.wait()

    def _lines(self) -> list[str]:
        """Return what the server has printed since it was last started, without empty lines."""
        with self.log.open("rb") as log:
            log.seek(self._begin)
            text = log.read().decode(errors="replace")
        return [line.strip()[:LONGEST_LINE] for line in text.splitlines() if line.strip()]

    def _last_error(self) -> str:
        """Return the last line that the server printed as an error, or else its last line."""
        lines = self._lines()
        errors = [line for line in lines if _ERROR.search(line) and not _POINTER.search(line)]
        return (errors or lines or ["it printed nothing"])[-1]


def _end_with_this_process() -> "subprocess.Popen[bytes]":
    """Start a process group whose processes end when this process ends, even if it is killed.

    A process of the group waits for that. It exists before the server, so there is no moment in which the
    server would be left running, with the GPU's memory.
    """
    # `cat` blocks until this process, which holds the other end of the pipe, has ended.
    script = 'trap "" TERM; cat > /dev/null; kill -TERM -$$; sleep 10; kill -KILL -$$'
    return subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, process_group=0)


def _answers(url: str) -> bool:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
