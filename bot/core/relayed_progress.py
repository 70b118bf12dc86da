"""Progress of work in another process, which writes it to a file for the process that waits."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from bot.core.progress import Count, Watcher, watched, watcher_here

NAME = "progress.json"
"""The file's name in the folder of the work."""
EVERY_S = 1.0


class _Sender:
    """A watcher that writes counts to a file; only the process that waits knows the step."""

    def __init__(self, file: Path) -> None:
        self._file, self._written = file, 0.0

    def begin(self, step: str) -> None:
        """Ignore a step."""

    def expect(self, seconds: float) -> None:
        """Ignore an estimate."""

    def count(self, count: Count) -> None:
        """Write a count, unless one was written just now."""
        now = time.monotonic()
        if now - self._written >= EVERY_S:
            self._written = now
            part = self._file.with_suffix(".part")
            part.write_text(json.dumps(asdict(count)))
            part.replace(self._file)


@contextmanager
def sent(folder: Path) -> Iterator[None]:
    """Send the progress of the block's work to the process that waits for this one.

    Args:
        folder: a folder that both processes see.
    """
    with watched(_Sender(folder / NAME)):
        yield


@contextmanager
def relayed(folder: Path) -> Iterator[None]:
    """Tell the watcher here the progress that another process sends while the block waits for it."""
    watcher, ended = watcher_here(), threading.Event()
    file = folder / NAME
    file.unlink(missing_ok=True)
    if watcher is None:
        yield
        return
    thread = threading.Thread(target=_relay, args=(file, watcher, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _relay(file: Path, watcher: Watcher, ended: threading.Event) -> None:
    newest = ""
    while not ended.wait(EVERY_S):
        try:
            text = file.read_text()
        except FileNotFoundError:
            continue  # nothing is sent yet, or the work has ended
        if text != newest:
            newest = text
            watcher.count(Count(**json.loads(text)))
