"""What is known here of runs: their statuses in the store, which runners wrote and nobody trusts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.core.errors import UserError
from bot.core.run_status import RunStatus, read_status
from bot.core.status_words import lines_of
from bot.core.store import Store
from bot.github.client import run_url


@dataclass(frozen=True)
class Told:
    """What a comment tells of a run.

    Attributes:
        lines: the state in words, not escaped.
        url: the URL of the workflow run; "" if it is not one of the repository's.
    """

    lines: Sequence[str]
    url: str = ""


def runs_told(store: Store, repository: str, pull: int, sha: str) -> list[Told]:
    """Return what a comment on a pull request tells of the newest retraining, and of its own newest run.

    Two requests to the store.

    Args:
        repository: the name of the repository, as owner/name.
        sha: the head of the pull request; a run for an earlier commit is not told.
    """
    try:
        found = [read_status(store, number) for number in (pull, 0)]
    except UserError as error:
        return [Told([f"what runs are doing is not known here: {error}"])]
    now = datetime.now(UTC)
    return [
        Told(lines_of(one, now), _own(one.run, repository))
        for one in found
        if one is not None and (not one.pull or one.commit == sha)
    ]


def _own(url: str, repository: str) -> str:
    """Return the URL of a workflow run of a repository; "" for all others."""
    number = url.removeprefix(run_url(repository, 1)[:-1])
    return url if number.isascii() and number.isdecimal() else ""


def running_at(url: str, store: Store) -> RunStatus | None:
    """Return the status of the retraining with this URL; None if it is not known here, or seems dead.

    Args:
        url: the URL of the workflow run.
    """
    try:
        found = read_status(store)
    except UserError:
        return None  # a GitHub-hosted job may not be able to read the store
    alive = found is not None and found.state == "running" and not found.silent(datetime.now(UTC))
    return found if alive and found and found.run == url else None
