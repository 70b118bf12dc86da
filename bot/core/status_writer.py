"""The writer of a run's status, which hears of the run's progress and writes it to the store now and then.

It writes from a thread of its own, so a run never waits for the store while it works; and a store that
refuses the status does not stop the run.
"""

import json
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bot.core.errors import UserError
from bot.core.progress import PREPARING, Count, say, watched
from bot.core.run_status import Cost, RunStatus, State, path_of, read_status
from bot.core.store import Store

EVERY_S, EVERY_REMOTE_S, EVERY_COMMIT_S = 3.0, 10.0, 300.0
"""Seconds between two writes: in a folder, on an object store, and on the Hub, where each is a commit."""
SHARE, SELDOM_S = 500, 60.0
"""A long run writes less often: each SHARE-th part of its time, at least every SELDOM_S."""
CLOSING_S = 20.0
"""Seconds that the end of a run waits for the last write."""
MOST_STEPS, MOST_NUMBER = 30, 10**12
LONGEST_NAME, LONGEST_LEAF, LONGEST_REASON = 80, 300, 500
_UNSHOWN = re.compile(
    "[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]+"
)


@dataclass(frozen=True)
class Run:
    """A run, as far as it is known when it begins; the attributes are those of `RunStatus`.

    Attributes:
        price_per_hour: the price of the machine; 0 if unknown.
    """

    kind: str
    commit: str = ""
    pull: int = 0
    url: str = ""
    price_per_hour: float = 0.0
    currency: str = ""


class StatusWriter:
    """Writes the status of a run, from its first step to its end; see `bot.core.progress.Watcher`.

    A run that begins no step, and does not fail, leaves no status.
    """

    def __init__(self, run: Run, store: Store) -> None:
        self._run, self._store = run, store
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._started, self._began, self._step_began = datetime.now(UTC), time.monotonic(), time.monotonic()
        self._step, self._steps = PREPARING, dict[str, float]()
        self._count: Count | None = None
        self._counted = 0.0
        self._state: State = "running"
        self._reason, self._expected, self._said = "", 0.0, False
        self._thread: threading.Thread | None = None

    def begin(self, step: str) -> None:
        """Note that a step begins, or goes on after one within it."""
        with self._lock:
            self._add_time()
            self._step, self._count = _clean(step, LONGEST_NAME), None
        if self._thread is None:
            self._start()

    def count(self, count: Count) -> None:
        """Note how far the current step is."""
        with self._lock:
            self._count, self._counted = count, time.monotonic()

    def expect(self, seconds: float) -> None:
        """Note how long the whole run is expected to take from now on."""
        with self._lock:
            self._expected = time.monotonic() - self._began + seconds

    def fail(self, reason: str) -> None:
        """Note that the run has failed, and why; the first reason counts."""
        with self._lock:
            if self._state != "failed":
                self._state, self._reason = "failed", _clean(reason, LONGEST_REASON)

    def close(self) -> None:
        """Write the state at the end of the run; wait for that a few seconds at most."""
        with self._lock:
            self._add_time()
            self._state = "failed" if self._state == "failed" else "done"
        if self._thread is None and self._state == "failed" and not self._another_runs():
            self._start()
        self._ended.set()
        if self._thread:
            self._thread.join(CLOSING_S)

    def _another_runs(self) -> bool:
        """Return whether another run is under way, which this one could not join."""
        try:
            found = read_status(self._store, self._run.pull)
        except UserError:
            return False
        return found is not None and found.state == "running" and not found.silent(datetime.now(UTC))

    @property
    def begun(self) -> bool:
        """Whether there is anything to tell of the run: it has begun a step, or failed."""
        return self._thread is not None

    def status(self) -> RunStatus:
        """Return the status now."""
        with self._lock:
            seconds, run = time.monotonic() - self._began, self._run
            steps = dict(self._steps)
            if self._state == "running":
                steps[self._step] = steps.get(self._step, 0.0) + time.monotonic() - self._step_began
            left = self._expected - seconds
            price = run.price_per_hour * seconds / 3600
            return RunStatus(
                *(run.kind, run.commit, run.pull, run.url, self._started, datetime.now(UTC), self._every()),
                state=self._state,
                reason=self._reason,
                step=self._step,
                count=self._bounded_count() if self._state != "done" else None,
                run_seconds_left=min(MOST_NUMBER, left) if left > 0 and self._state == "running" else None,
                cost=Cost(round(price, 4), run.currency) if run.price_per_hour else None,
                steps={name: round(steps[name], 1) for name in list(steps)[:MOST_STEPS]},
            )

    def _add_time(self) -> None:
        now = time.monotonic()
        self._steps[self._step] = self._steps.get(self._step, 0.0) + now - self._step_began
        self._step_began = now

    def _bounded_count(self) -> Count | None:
        """Return the count as schemas/status.json allows it, with the time left from now on."""
        if self._count is None:
            return None
        one, since = self._count, time.monotonic() - self._counted
        numbers = {name: getattr(one, name) for name in ("done", "total", "leaf_number", "leaves")}
        left, speed = one.seconds_left, one.tokens_per_second
        return replace(
            one,
            **{name: max(0, min(MOST_NUMBER, number)) for name, number in numbers.items()},
            unit=_clean(one.unit, LONGEST_NAME),
            leaf=_clean(one.leaf, LONGEST_LEAF),
            seconds_left=None if left is None else round(max(0.0, min(MOST_NUMBER, left - since)), 1),
            tokens_per_second=None if speed is None else round(max(0.0, min(MOST_NUMBER, speed)), 1),
        )

    def _every(self) -> float:
        """Return the seconds until the next write."""
        least = EVERY_S if self._store.local else EVERY_REMOTE_S
        if "hf" in self._store.protocols:
            return EVERY_COMMIT_S
        return round(max(least, min(SELDOM_S, (time.monotonic() - self._began) / SHARE)), 1)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._write_on, name="status", daemon=True)
        self._thread.start()

    def _write_on(self) -> None:
        """Write until the run ends, and once more then."""
        last = False
        while True:
            self._write()
            if last:
                return
            last = self._ended.wait(self._every())

    def _write(self) -> None:
        data = json.dumps(self.status().to_json(), ensure_ascii=False, allow_nan=False).encode()
        path = path_of(self._store, self._run.pull)
        try:
            with self._store.errors("write the status of the run"):
                if self._store.local:
                    _replace(Path(path), data)
                else:
                    self._store.fs.pipe_file(path, data)
        except (UserError, FileNotFoundError) as error:
            if not self._said:
                self._said = True
                say(f"the status of this run cannot be seen, and the run goes on: {error}")


def _replace(path: Path, data: bytes) -> None:
    """Write a file at once: a reader sees the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(data)
    part.replace(path)


def _clean(text: str, limit: int) -> str:
    """Return a text as one line of at most `limit` characters without any that is not shown."""
    return _UNSHOWN.sub(" ", text).strip()[:limit]


@contextmanager
def kept(writer: StatusWriter) -> Iterator[None]:
    """Keep the status of a run in the store while the block works; an error is the reason of its failure."""
    try:
        with watched(writer):
            yield
    except BaseException as error:
        writer.fail(_reason(error))
        raise
    finally:
        writer.close()


def _reason(error: BaseException) -> str:
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "it was interrupted"
    return f"internal error: {type(error).__name__}"
