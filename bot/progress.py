"""Progress of long work: a live bar on a terminal, a line every few seconds in a log."""

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
"""Called with a row's name and its cells, as often as they change."""

Advance = Callable[[int, str], None]
"""Called as work gets done: how many more of the total are done, and a short note (loss, tokens/s)."""


def say(text: str) -> None:
    """One line to the person who watches; stderr, since stdout is for machines."""
    console.print(text, markup=False, soft_wrap=True)


def unseen(name: str, cells: Sequence[str]) -> None:
    """A `Show` for work that nobody watches."""


@contextmanager
def live_table(title: str, columns: Sequence[str]) -> Iterator[Show]:
    """Show several pieces of work side by side, each in its row; in a log, the row that changed.

    Args:
        title: of the first column, the rows' names.
    """
    rows: dict[str, Sequence[str]] = {}
    lock, said = threading.Lock(), [time.monotonic()]
    live = Live(console=console, refresh_per_second=4) if _watched() else None

    def show(name: str, cells: Sequence[str]) -> None:
        with lock:
            rows[name] = cells
            if live:
                live.update(_table(title, columns, rows))
            elif time.monotonic() - said[0] >= LOG_EVERY_S:
                said[0] = time.monotonic()
                facts = (f"{cell} {column}" for column, cell in zip(columns, cells, strict=True) if cell)
                say(f"{name}: {', '.join(facts)}")

    with live or nullcontext():
        yield show


def _table(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> Table:
    table = Table(title, *columns, box=None)
    # The newest rows are those that change; a screen has no more.
    for name, cells in list(rows.items())[-ROWS:]:
        table.add_row(escape(name), *map(escape, cells))
    return table


def _watched() -> bool:
    # A runner may give its jobs a terminal that nobody watches; CI says so.
    return sys.stderr.isatty() and not os.environ.get("CI")


@contextmanager
def task(label: str, total: int) -> Iterator[Advance]:
    """Show that `total` units of work called `label` are being done."""
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
    state = {"done": 0, "said": time.monotonic()}

    def advance(done: int, note: str) -> None:
        state["done"] += done
        now = time.monotonic()
        if now - state["said"] >= LOG_EVERY_S:
            state["said"] = now
            say(f"{label}: {state['done']}/{total} {note}".rstrip())

    yield advance
