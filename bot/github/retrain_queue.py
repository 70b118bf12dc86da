"""Run retrainings one after another, in an order that no other workflow can disturb.

Every workflow of the repository, including a pull request's own, could name the same concurrency group and
thereby delay or cancel a retraining. So each run checks for the other runs itself instead.
"""

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from github.Repository import Repository
from github.WorkflowRun import WorkflowRun

from bot.core.progress import say
from bot.core.run_status import RunStatus
from bot.core.status_words import left_of, step_of
from bot.core.store import Store
from bot.github.known_runs import running_at
from bot.github.restart import retrainings
from bot.pipeline.estimate_release import Forecast

POLL_S = 30
"""Seconds between two checks for other runs."""
COMING = ("requested", "pending", "queued", "in_progress")
"""States of a run that will start by itself; a run that waits for an approval may never start."""


@dataclass(frozen=True)
class Turn:
    """When a retraining's turn comes, and how long it is expected to take.

    At most one retraining is in progress and one waits, since a waiting one leaves the work to a newer one.

    Attributes:
        ahead: the URL of the retraining that must end first; "" if it is this one's turn.
        running: for how many seconds that one has been in progress.
        forecast: of this retraining; None if this job cannot read the store.
        status: of the retraining ahead; None if it is not known here.
    """

    ahead: str = ""
    running: float = 0.0
    forecast: Forecast | None = None
    status: RunStatus | None = None

    @property
    def ahead_now(self) -> str:
        """What the retraining ahead is doing, and its time left; "" if that is not known here."""
        return "; ".join(filter(None, (step_of(self.status), left_of(self.status)))) if self.status else ""

    @property
    def known_rest(self) -> float:
        """The seconds that the retraining ahead expects to take from now on; 0 if that is not known."""
        return (self.status.run_seconds_left or 0.0) if self.status else 0.0

    @property
    def rest(self) -> float:
        """The expected seconds until the retraining ahead has ended.

        Its own estimate; if that is not known, it is taken to take as long as this one.
        """
        if self.known_rest:
            return self.known_rest
        return max(0.0, self.forecast.seconds - self.running) if self.ahead and self.forecast else 0.0

    @property
    def seconds(self) -> float:
        """The expected seconds until this retraining has ended; 0 if nothing is known."""
        return self.forecast.seconds + self.rest if self.forecast else 0.0


def turn_of(repository: Repository, forecast: Forecast | None, store: Store) -> Turn:
    """Return the turn of this workflow run; outside a workflow nothing is ahead.

    Args:
        store: has the status of the retraining ahead, if this job can read it.
    """
    own = _own_run()
    older = _in_progress(retrainings(repository), own) if own else []
    if not older:
        return Turn(forecast=forecast)
    first = older[-1]
    running = datetime.now(UTC) - first.run_started_at
    return Turn(first.html_url, running.total_seconds(), forecast, running_at(first.html_url, store))


def _own_run() -> int:
    """Return the ID of this workflow run; 0 outside a workflow."""
    return int(os.environ.get("GITHUB_RUN_ID") or 0)


def _in_progress(runs: list[WorkflowRun], own: int) -> list[WorkflowRun]:
    """Return the retrainings that began before this one and are in progress, the newest first."""
    return [run for run in runs if run.id < own and run.status == "in_progress"]


def wait_for_turn(repository: Repository) -> str:
    """Wait until no older retraining is in progress.

    Returns:
        Why this run has nothing to do; empty if it should go on.
    """
    own = _own_run()
    while own:
        others = retrainings(repository)
        older = _in_progress(others, own)
        if not older:
            break
        newer = [run for run in others if run.id > own and run.status in COMING]
        if newer:
            return f"nothing to do: a newer retraining is waiting and includes this one: {newer[0].html_url}"
        say(f"waiting for an older retraining to end: {older[0].html_url}")
        time.sleep(POLL_S)
    return ""
