"""Progress of long work: a live bar on a terminal, a line every few seconds in a log."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LOG_EVERY_S = 10.0

console = Console(stderr=True, highlight=False)

Advance = Callable[[int, str], None]
"""Called as work gets done: how many more of the total are done, and a short note (loss, tokens/s)."""


def say(text: str) -> None:
    """One line to the person who watches; stderr, since stdout is for machines."""
    console.print(text, markup=False, soft_wrap=True)


@contextmanager
def task(label: str, total: int) -> Iterator[Advance]:
    """Show that `total` units of work called `label` are being done."""
    # A runner may give its jobs a terminal that nobody watches; CI says so.
    if sys.stderr.isatty() and not os.environ.get("CI"):
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
