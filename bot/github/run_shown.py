"""A run's status: in the store while it works, and in the summary of its job at its end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bot.config.recipe import Recipe
from bot.core.progress import watcher_here
from bot.core.run_status import RunStatus
from bot.core.status_words import lines_of
from bot.core.status_writer import Run, StatusWriter, kept
from bot.core.store import Store
from bot.github.client import run_url
from bot.github.render import render


@contextmanager
def shown_run(kind: str, commit: str, recipe: Recipe, store: Store, pull: int = 0) -> Iterator[StatusWriter]:
    """Keep the status of the block's work in the store; a block within the block is part of the same run.

    Args:
        kind: see `RunStatus`.
        commit: the taxonomy's commit.
        pull: the number of the pull request that the run is for; 0 for a retraining.
    """
    current = watcher_here()
    if isinstance(current, StatusWriter):
        yield current
        return
    url = run_url() if os.environ.get("GITHUB_RUN_ID") else ""
    price = recipe.estimate
    writer = StatusWriter(Run(kind, commit, pull, url, price.price_per_hour, price.currency), store)
    try:
        with kept(writer):
            yield writer
    finally:
        if writer.begun:
            _summarize(writer.status())


def _summarize(status: RunStatus) -> None:
    """Append how a run ended, and what its time went into, to the job's summary; not outside a workflow."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        text = render("run", lines=lines_of(status, datetime.now(UTC)), status=status)
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
