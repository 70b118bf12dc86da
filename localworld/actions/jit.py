"""Just-in-time runners that are connected: which are online, and the job and the commands of each.

act runs the workflow of every job on this machine. In a job of a just-in-time runner, the only shell on PATH
is remote_shell.py. It hands each script to the runner's program (stubs/runner), which executes it where that
program runs. So expressions, outputs and logs are as in any other job.
"""

import itertools
import json
import secrets
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from localworld.github.db import Row
from localworld.github.state import GitHub

SILENT_S = 10.0
"""A runner or shell that has not asked for this long is gone."""


@dataclass(eq=False)
class Command:
    """A step's command on its way through a runner.

    Attributes:
        request: script, arguments, folder and environment, as remote_shell.py sends them.
        output: what the command printed and the shell has not read yet.
        code: the exit code; None while the command runs.
        files: the content of the files that the command wrote for the workflow, such as GITHUB_OUTPUT.
        asked_at: when its shell asked last; a shell that was terminated asks no more.
    """

    number: int
    ticket: str
    request: dict[str, Any]
    output: bytearray = field(default_factory=bytearray)
    code: int | None = None
    files: dict[str, str] = field(default_factory=dict)
    asked_at: float = field(default_factory=time.monotonic)


class JitRunners:
    """The connected runners of a local GitHub. Thread-safe; lost at a restart, as the jobs are."""

    def __init__(self, github: GitHub) -> None:
        self.github = github
        self._lock = threading.RLock()
        self._seen: dict[int, float] = {}
        self._jobs: dict[str, Row] = {}
        self._done: dict[int, str] = {}
        self._commands: dict[int, Command] = {}
        self._numbers = itertools.count(1)

    # Which runner runs which job

    def registered(self, repository: str, labels: tuple[str, ...]) -> list[Row]:
        """Return the registered runners of a repository or its organization that have these labels."""
        wanted = {label.lower() for label in labels}
        query = "SELECT * FROM runners WHERE ephemeral = 1 AND owner IN (?, ?) ORDER BY id"
        rows = self.github.db.all(query, repository, repository.partition("/")[0])
        return [row for row in rows if wanted <= {label.lower() for label in json.loads(row["labels"])}]

    def take(self, ticket: str, repository: str, labels: tuple[str, ...]) -> bool:
        """Give a job to the first idle runner that is online; return whether there is one."""
        with self._lock:
            for row in self.registered(repository, labels):
                if self.is_online(row["id"]) and not self.is_busy(row["id"]):
                    self._jobs[ticket] = row
                    return True
        return False

    def leave(self, ticket: str) -> None:
        """Remove the runner of a job that has ended; its program then ends."""
        with self._lock:
            row = self._jobs.pop(ticket, None)
            if row is not None:
                self._done[row["id"]] = row["secret"]
                self.github.db.run("DELETE FROM runners WHERE id = ?", row["id"])
            for command in [one for one in self._commands.values() if one.ticket == ticket]:
                del self._commands[command.number]

    def runner_of(self, ticket: str) -> Row | None:
        """Return the runner that has a job; None if it runs on this machine."""
        return self._jobs.get(ticket)

    def is_online(self, runner: int) -> bool:
        """Return whether the program of a runner is connected."""
        return time.monotonic() - self._seen.get(runner, float("-inf")) < SILENT_S

    def is_busy(self, runner: int) -> bool:
        """Return whether a runner has a job."""
        return any(row["id"] == runner for row in self._jobs.values())

    # What the runner's program asks

    def routes(self) -> list[BaseRoute]:
        """Return the routes for the programs of runners."""
        return [
            Route("/_actions/runners/{runner:int}", self.poll, methods=["POST"]),
            Route("/_actions/runners/{runner:int}/commands/{number:int}", self.report, methods=["POST"]),
        ]

    async def poll(self, request: Request) -> Response:
        """Return the next command of the runner's job; whether its one job is done; or neither."""
        return await run_in_threadpool(self._poll, request)

    def _poll(self, request: Request) -> Response:
        runner = request.path_params["runner"]
        if not self._admits(request):
            return PlainTextResponse("the runner is not registered", 401)
        with self._lock:
            self._seen[runner] = time.monotonic()
            tickets = [ticket for ticket, row in self._jobs.items() if row["id"] == runner]
            ready = [one for one in self._commands.values() if one.ticket in tickets and one.request]
            answer: dict[str, Any] = {"done": runner in self._done, "job": bool(tickets)}
            if ready:
                answer["command"] = {"number": ready[0].number, **ready[0].request}
                ready[0].request = {}
        return JSONResponse(answer)

    async def report(self, request: Request) -> Response:
        """Take what a command printed and its end; return whether the command is to be terminated."""
        return await run_in_threadpool(self._report, request, await request.json())

    def _report(self, request: Request, said: dict[str, Any]) -> Response:
        if not self._admits(request):
            return PlainTextResponse("the runner is not registered", 401)
        with self._lock:
            self._seen[request.path_params["runner"]] = time.monotonic()
            command = self._commands.get(request.path_params["number"])
            if command is None:
                return JSONResponse({"cancel": True})
            command.output += b64decode(said["output"])
            command.files = said.get("files") or {}
            command.code = said.get("code")
            return JSONResponse({"cancel": time.monotonic() - command.asked_at > SILENT_S})

    def _admits(self, request: Request) -> bool:
        """Return whether a request has the credentials of the runner that it names."""
        runner = request.path_params["runner"]
        row = self.github.db.one("SELECT * FROM runners WHERE id = ?", runner)
        known = row["secret"] if row else self._done.get(runner, "")
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return bool(known) and secrets.compare_digest(given.encode(), str(known).encode())

    # What a step's shell asks

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any] | None:
        """Start a command, or return what it printed since and how it ended; None if it is unknown.

        Args:
            question: the job's ticket, and the command's number or, to start it, its request.
        """
        with self._lock:
            ticket = str(question["job"])
            row = self._jobs.get(ticket)
            if "number" not in question and row is not None:
                command = Command(next(self._numbers), ticket, dict(question["request"]))
                self._commands[command.number] = command
            else:
                known = self._commands.get(int(question.get("number", 0)))
                if known is None or known.ticket != ticket or row is None:
                    return None
                command = known
            command.asked_at = time.monotonic()
            output, command.output = command.output, bytearray()
            return {
                "number": command.number,
                "output": b64encode(output).decode(),
                "code": command.code,
                "files": command.files,
                "lost": not self.is_online(row["id"]),
            }
