"""Progress of long-running work: a live bar on a terminal, a line every LOG_EVERY_S seconds in a log.

Whoever watches a run, such as the writer of its status, is told the same: which step it does (`step`), and
how far that step is (`task`, `counted`).
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bot.core.durations import readable

LOG_EVERY_S = 10.0
ROWS = 20
TELLING_UNITS, TELLING_SHARE = 8, 0.05
"""From this many units, or this share of them all, the speed so far tells how long the rest takes. The first
units take long: they wait for a model to load, or for a whole batch."""
PREPARING = "preparing"
"""The step of a run that has begun none, or is between two."""

console = Console(stderr=True, highlight=False)

Show = Callable[[str, Sequence[str]], None]
"""A callback that updates a row of a table: the row's name and its cells."""


class Advance(Protocol):
    """A callback that reports finished units of work."""

    def __call__(
        self, done: int, note: str = "", *, tokens: int = 0, leaf: str = "", reused: bool = False
    ) -> None:
        """Report finished units.

        Args:
            done: how many more units are done.
            note: a short text to show beside the number, such as the loss.
            tokens: how many tokens were generated or trained on for these units.
            leaf: the leaf that they belong to; "" if they belong to none.
            reused: whether they were there already, so that they say nothing of the speed.
        """
        ...


@dataclass(frozen=True)
class Count:
    """How far a step is.

    Attributes:
        unit: what is counted, in the plural.
        leaf: the leaf that advanced last; "" if the units belong to no leaf.
        leaf_number: its number in the order in which the leaves began.
        leaves: number of leaves; 0 if the units belong to no leaf.
        tokens_per_second: None if no tokens are counted.
        seconds_left: an estimate from the speed so far; None while too little is done to tell.
    """

    done: int
    total: int
    unit: str
    leaf: str = ""
    leaf_number: int = 0
    leaves: int = 0
    tokens_per_second: float | None = None
    seconds_left: float | None = None


class Watcher(Protocol):
    """Whoever is told the progress of a run. Threads may call it in parallel."""

    def begin(self, step: str) -> None:
        """Hear that a step begins, or goes on after one within it."""
        ...

    def count(self, count: Count) -> None:
        """Hear how far the current step is."""
        ...

    def expect(self, seconds: float) -> None:
        """Hear how long the whole run is expected to take from now on."""
        ...


_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)
_step: ContextVar[str] = ContextVar("step", default=PREPARING)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Tell a watcher the progress of the block's work."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def watcher_here() -> Watcher | None:
    """Return who is told the progress of the work here; None if nobody is."""
    return _watcher.get()


def expect(seconds: float) -> None:
    """Tell the run's watcher how long the whole run is expected to take from now on."""
    watcher = _watcher.get()
    if watcher:
        watcher.expect(seconds)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Tell the run's watcher that the block does a step. Steps can contain others.

    Args:
        name: what is done, such as "training knowledge".
    """
    watcher, outer = _watcher.get(), _step.get()
    token = _step.set(name)
    try:
        if watcher:
            watcher.begin(name)
        yield
        if watcher:  # after an error, its step stays the current one
            watcher.begin(outer)
    finally:
        _step.reset(token)


@contextmanager
def counted(total: int, unit: str, leaves: int = 0) -> Iterator[Advance]:
    """Count the finished units of the current step for the run's watcher; display nothing.

    Args:
        total: number of units.
        unit: what is counted, in the plural.
        leaves: number of leaves that the units belong to; 0 if they belong to none.

    Returns:
        A context manager whose value reports finished units; threads may call it in parallel.
    """
    yield _Counter(total, unit, leaves).advance


class _Counter:
    """The units of a step, counted for its watcher."""

    def __init__(self, total: int, unit: str, leaves: int = 0) -> None:
        self._total, self._unit, self._leaves = total, unit, leaves
        self._watcher, self._lock, self._began = _watcher.get(), threading.Lock(), time.monotonic()
        self._done = self._reused = self._tokens = 0
        self._leaf, self._numbers = "", dict[str, int]()
        self._tell()

    def advance(
        self, done: int, note: str = "", *, tokens: int = 0, leaf: str = "", reused: bool = False
    ) -> None:
        """Count finished units; see `Advance`."""
        with self._lock:
            self._done += done
            self._reused += done if reused else 0
            self._tokens += tokens
            if leaf:
                self._leaf = leaf
                self._numbers.setdefault(leaf, len(self._numbers) + 1)
            self._tell()

    def now(self) -> Count:
        """Return how far the step is."""
        seconds, new = time.monotonic() - self._began, self._done - self._reused
        enough = new > 0 and new >= min(TELLING_UNITS, TELLING_SHARE * self._total)
        return Count(
            self._done,
            self._total,
            self._unit,
            self._leaf,
            self._numbers.get(self._leaf, 0),
            self._leaves,
            tokens_per_second=self._tokens / seconds if self._tokens and seconds > 0 else None,
            seconds_left=max(0, self._total - self._done) * seconds / new if enough else None,
        )

    def _tell(self) -> None:
        if self._watcher:
            self._watcher.count(self.now())


def say(text: str) -> None:
    """Print one line for the user to stderr; stdout is reserved for machine-readable output."""
    console.print(text, markup=False, soft_wrap=True)


def unseen(name: str, cells: Sequence[str]) -> None:
    """Ignore the update; a `Show` for work whose progress is not displayed."""


def uncounted(done: int, note: str = "", *, tokens: int = 0, leaf: str = "", reused: bool = False) -> None:
    """Ignore finished units; an `Advance` for work that nobody watches."""


@contextmanager
def live_table(title: str, columns: Sequence[str]) -> Iterator[Show]:
    """Show the progress of parallel work as a table with a row for each piece; in a log, print changed rows.

    Args:
        title: heading of the first column, which holds the rows' names.
        columns: headings of the other columns; "" for one whose cells need no heading.

    Returns:
        A context manager whose value updates a row.
    """
    rows: dict[str, Sequence[str]] = {}
    lock, last_line = threading.Lock(), [time.monotonic()]
    live = Live(console=console, refresh_per_second=4) if _watched() else None

    def show(name: str, cells: Sequence[str]) -> None:
        with lock:
            rows[name] = cells
            if live:
                live.update(_table(title, columns, rows))
            elif time.monotonic() - last_line[0] >= LOG_EVERY_S:
                last_line[0] = time.monotonic()
                pairs = zip(columns, cells, strict=True)
                facts = (f"{cell} {column}".strip() for column, cell in pairs if cell)
                say(f"{name}: {', '.join(facts)}")

    with live or nullcontext():
        yield show


def _table(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> Table:
    table = Table(title, *columns, box=None)
    # Only the newest rows change, and a screen does not fit more.
    for name, cells in list(rows.items())[-ROWS:]:
        table.add_row(escape(name), *map(escape, cells))
    return table


def _watched() -> bool:
    # CI runners may attach a terminal to a job although no user watches it; they set CI.
    return sys.stderr.isatty() and not os.environ.get("CI")


@contextmanager
def task(label: str, total: int, unit: str = "units") -> Iterator[Advance]:
    """Count one piece of work, and show its progress as a bar on a terminal or as lines in a log.

    Args:
        label: name of the work.
        total: number of units of work.
        unit: what is counted, in the plural.

    Returns:
        A context manager whose value reports finished units.
    """
    counter = _Counter(total, unit)
    with (_bar if _watched() else _lines)(label, total, counter) as show:

        def advance(
            done: int, note: str = "", *, tokens: int = 0, leaf: str = "", reused: bool = False
        ) -> None:
            counter.advance(done, note, tokens=tokens, leaf=leaf, reused=reused)
            show(done, note)

        yield advance


@contextmanager
def _bar(label: str, total: int, _: _Counter) -> Iterator[Callable[[int, str], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task(label, total=total, note="")

        def show(done: int, note: str) -> None:
            progress.update(bar, advance=done, note=note)

        yield show


@contextmanager
def _lines(label: str, total: int, counter: _Counter) -> Iterator[Callable[[int, str], None]]:
    last_line = time.monotonic()

    def show(_: int, note: str) -> None:
        nonlocal last_line
        if time.monotonic() - last_line >= LOG_EVERY_S:
            last_line, now = time.monotonic(), counter.now()
            left = f"about {readable(now.seconds_left)} left" if now.seconds_left else ""
            say(f"{label}: {now.done}/{total} {', '.join(filter(None, (note, left)))}".rstrip())

    yield show
