"""Progress of long-running work: a live bar on a terminal, a line every LOG_EVERY_S seconds in a log."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

LOG_EVERY_S = 10.0
ROWS = 20

console = Console(stderr=True, highlight=False)

Show = Callable[[str, Sequence[str]], None]
"""A callback that updates a row of a table: the row's name and its cells."""

Advance = Callable[[int, str], None]
"""A progress callback: how many more units are done, and a short note such as the loss or tokens/s."""


def say(text: str) -> None:
    """Print one line for the user to stderr; stdout is reserved for machine-readable output."""
    console.print(text, markup=False, soft_wrap=True)


def unseen(name: str, cells: Sequence[str]) -> None:
    """Ignore the update; a `Show` for work whose progress is not displayed."""


@contextmanager
def live_table(title: str, columns: Sequence[str]) -> Iterator[Show]:
    """Show the progress of parallel work as a table with a row for each piece; in a log, print changed rows.

    Args:
        title: heading of the first column, which holds the rows' names.
        columns: headings of the other columns.

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
                facts = (f"{cell} {column}" for column, cell in zip(columns, cells, strict=True) if cell)
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
def task(label: str, total: int) -> Iterator[Advance]:
    """Show the progress of one piece of work, as a bar on a terminal or as lines in a log.

    Args:
        label: name of the work.
        total: number of units of work.

    Returns:
        A context manager whose value reports finished units.
    """
    if _watched():
        with _bar(label, total) as advance:
            yield advance
    else:
        with _lines(label, total) as advance:
            yield advance


@contextmanager
def _bar(label: str, total: int) -> Iterator[Advance]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task(label, total=total, note="")

        def advance(done: int, note: str) -> None:
            progress.update(bar, advance=done, note=note)

        yield advance


@contextmanager
def _lines(label: str, total: int) -> Iterator[Advance]:
    state = {"done": 0, "last_line": time.monotonic()}

    def advance(done: int, note: str) -> None:
        state["done"] += done
        now = time.monotonic()
        if now - state["last_line"] >= LOG_EVERY_S:
            state["last_line"] = now
            say(f"{label}: {state['done']}/{total} {note}".rstrip())

    yield advance
