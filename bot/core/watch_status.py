"""A run's status on this terminal, until the run ends."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from rich.text import Text

from bot.core.progress import LOG_EVERY_S
from bot.core.run_status import RunStatus, read_status
from bot.core.status_words import lines_of
from bot.core.store import Store, StoreError

EVERY_S, EVERY_REMOTE_S = 1.0, 10.0
"""Seconds between two looks, of a store in a folder and of another one; each look is one request."""


def shown(status: RunStatus | None, store: Store) -> list[str]:
    """Return the lines for a terminal that tell the state of a run.

    Args:
        status: None if there was none.
    """
    if status is None:
        return [f"no such run has written its status to {store.url}"]
    return [*lines_of(status, datetime.now(UTC)), *([status.run] if status.run else [])]


def watch(store: Store, pull: int = 0) -> int:
    """Show the state of a run until it ends; wait for one if there was none.

    Args:
        pull: the number of the pull request whose run it is; 0 for the retraining.

    Returns:
        The exit code: 0 if the run ended well, or the user ended the watch; 1 if the run failed or died.

    Raises:
        StoreError: the store cannot be read. Once it could be, a failure is shown, and the watch goes on.
        UserError: the file in the store is not a status.
    """
    pause, could = EVERY_S if store.local else EVERY_REMOTE_S, False
    try:
        with _display() as show:
            while True:
                try:
                    status, could = read_status(store, pull), True
                    show(shown(status, store), _gist(status))
                    if status is not None and status.state != "running":
                        return 0 if status.state == "done" else 1
                    if status is not None and status.silent(datetime.now(UTC)):
                        return 1
                except StoreError as error:
                    if not could:
                        raise
                    show([str(error)], "unread")
                time.sleep(pause)
    except KeyboardInterrupt:
        return 0


def _gist(status: RunStatus | None) -> str:
    """Return what makes a line in a log worth printing at once: the state and the step."""
    return f"{status.state} {status.step}" if status else ""


Display = Callable[[list[str], str], None]
"""A callback that shows lines, with their gist."""


@contextmanager
def _display() -> Iterator[Display]:
    """Show lines in place on a terminal; elsewhere print them as one line if they have changed.

    A changed gist is printed at once, other changes every LOG_EVERY_S seconds.
    """
    if sys.stdout.isatty():
        with Live(console=Console(highlight=False), auto_refresh=False) as live:
            yield lambda lines, _: live.update(Text("\n".join(lines)), refresh=True)
        return
    before, printed = ("", ""), 0.0

    def show(lines: list[str], gist: str) -> None:
        nonlocal before, printed
        line, now = "; ".join(lines), time.monotonic()
        if gist != before[0] or (line != before[1] and now - printed >= LOG_EVERY_S) or not printed:
            before, printed = (gist, line), now
            print(line, flush=True)

    yield show
