"""One runner: registered for one job, which runs in a sandbox, and removed."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from bot.core.errors import UserError
from bot.core.progress import say
from bot.runner import gpus
from bot.runner.gpu_hours import HOUR_S, Account
from bot.runner.registration import Registered, Runners
from bot.runner.sandbox import Job, Sandbox

NAMES = 5
"""How many names are tried before giving up."""
LONGEST_PAUSE_S, GROWTH = 30.0, 1.5
"""GitHub is asked more and more rarely whether an idle runner has a job: about 120 requests an hour."""
BOOKED_S = 10.0
"""For how long GPU time is booked ahead; at most so much is counted too much if this process is killed."""
MEMORY_MIB = 100
"""The growth of a GPU's memory in use that is worth a warning."""


@dataclass(frozen=True)
class Limits:
    """When a runner ends.

    Attributes:
        idle_s: how long it waits for a job.
        job_s: how long a job may take.
    """

    idle_s: float
    job_s: float


def name_prefix() -> str:
    """Return the start of the names of this machine's runners."""
    return f"arborist-{socket.gethostname()[:32]}-"


def state_folder() -> Path:
    """Return the folder of the account and the locks: STATE_DIRECTORY, which systemd sets, or the user's."""
    default = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "arborist-runner"
    return Path(os.environ.get("STATE_DIRECTORY") or default)


@dataclass(frozen=True)
class Runner:
    """A runner for one job.

    Attributes:
        folder: the folder for the account and for a lock of each runner of this machine.
    """

    runners: Runners
    sandbox: Sandbox
    account: Account
    limits: Limits
    folder: Path

    def run(self) -> None:
        """Register, wait for one job, run it, and remove the runner and all that the job left.

        Raises:
            UserError: the day's GPU hours are used, the machine cannot isolate a job, GitHub refuses the
                registration, or the runner's program ended without a job.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.account.check()
        self.sandbox.check()
        self._remove_leftovers()
        before = gpus.memory_in_use()
        with self._registered() as registered:
            labels = ", ".join(self.runners.labels)
            say(f"The runner {registered.name} of {self.runners} waits for a job ({labels})")
            command = ["./run.sh", "--jitconfig", registered.config]
            with self.sandbox.run(command) as job:
                self._watch(job, registered)
        _warn_of_memory(before, gpus.memory_in_use())

    def _watch(self, job: Job, registered: Registered) -> None:
        """Return when the job has ended or must end, or when none has come."""
        last_idle = self._wait_for_job(job, registered)
        if last_idle is None:
            say(f"No job came within {self.limits.idle_s / 60:g} minutes; the runner is removed")
        elif job.code is None:
            self._run_job(job, last_idle)
        else:
            self.account.book(time.monotonic() - last_idle)
            if self._state(registered) == "idle":
                raise UserError(
                    f"{self.sandbox.software}/run.sh ended with code {job.code} before it took a job; "
                    "its lines are above"
                )
            say("The job has ended; nothing of it is left")

    def _wait_for_job(self, job: Job, registered: Registered) -> float | None:
        """Wait until the runner has a job or its program has ended.

        Returns:
            The last time at which it had none; None if no job came in time and the runner is removed.
        """
        began = last_idle = time.monotonic()
        pause = 1.0
        while not job.wait(min(pause, max(0.1, began + self.limits.idle_s - last_idle))):
            asked = time.monotonic()
            if self._state(registered) != "idle":
                break
            last_idle, pause = asked, min(LONGEST_PAUSE_S, pause * GROWTH)
            if asked - began >= self.limits.idle_s and self._removed(registered, asked - began):
                return None
        return last_idle

    def _removed(self, registered: Registered, waited: float) -> bool:
        """Remove a runner that waited for so many seconds; return whether GitHub has, since a job may come.

        Raises:
            UserError: GitHub could not be asked for as long as a job may take.
        """
        try:
            return self.runners.remove(registered.id)
        except UserError as error:
            if waited >= self.limits.idle_s + self.limits.job_s:
                raise
            say(str(error))
            return False

    def _run_job(self, job: Job, began: float) -> None:
        """Wait for a job's end, and count its hours; the limits end it."""
        self.account.book(time.monotonic() - began)
        while True:
            left = began + self.limits.job_s - time.monotonic()
            if left <= 0:
                return say(f"The job was ended after {self.limits.job_s / HOUR_S:g} hours (--job-hours)")
            today = self.account.left_s()
            if today <= 0:
                return say("The job was ended: the day's GPU hours are used (--day-hours)")
            booked, asked = min(BOOKED_S, left, today), time.monotonic()
            self.account.book(booked)
            if job.wait(booked):
                self.account.book(time.monotonic() - asked - booked)
                return say("The job has ended; nothing of it is left")

    def _state(self, registered: Registered) -> str:
        """Return the runner's state; `idle` if GitHub cannot be asked, since the limits hold anyway."""
        try:
            return self.runners.state(registered)
        except UserError as error:
            say(str(error))
            return "idle"

    @contextmanager
    def _registered(self) -> Iterator[Registered]:
        """Register a runner under a new name; remove it at the end if GitHub has not."""
        for _ in range(NAMES):
            name = self.runners.new_name()
            lock = self._lock(name)
            with lock:
                registered = self.runners.register(name)
                if registered is None:
                    continue
                try:
                    yield registered
                finally:
                    if not self.runners.remove(registered.id):
                        say(f"GitHub still thinks that {name} has a job; the next start removes the runner")
                    Path(lock.lock_file).unlink(missing_ok=True)
                return
        raise UserError(f"{NAMES} names for a runner of {self.runners} are taken; run again")

    def _remove_leftovers(self) -> None:
        """Remove this machine's offline runners whose process has ended, for instance by a power cut."""
        for number, name in self.runners.offline():
            lock = self._lock(name)
            try:
                with lock:
                    self.runners.remove(number)
                    Path(lock.lock_file).unlink(missing_ok=True)
            except Timeout:
                continue  # a process that is alive has just registered it
            say(f"Removed {name}, which an earlier process left behind")

    def _lock(self, name: str) -> FileLock:
        return FileLock(self.folder / f"{name}.lock", timeout=0)


def _warn_of_memory(before: dict[str, int] | None, after: dict[str, int] | None) -> None:
    """Warn of memory on a GPU that no process explains, so that the job must have left it."""
    for gpu, used in (after or {}).items():
        if before is not None and used - before.get(gpu, 0) > MEMORY_MIB:
            earlier = before.get(gpu, 0)
            say(f"GPU {gpu} holds {used} MiB although no process uses it; before the job {earlier} MiB")
