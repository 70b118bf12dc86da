"""Run retrainings one after another, in an order that no other workflow can disturb.

Every workflow of the repository, including a pull request's own, could name the same concurrency group and
thereby delay or cancel a retraining. So each run checks for the other runs itself instead.
"""

import os
import time

from github.Repository import Repository

from bot.core.progress import say
from bot.github.restart import retrainings

POLL_S = 30
"""Seconds between two checks for other runs."""
COMING = ("requested", "pending", "queued", "in_progress")
"""States of a run that will start by itself; a run that waits for an approval may never start."""


def wait_for_turn(repository: Repository) -> str:
    """Wait until no older retraining is in progress.

    Returns:
        Why this run has nothing to do; empty if it should go on.
    """
    own = int(os.environ.get("GITHUB_RUN_ID") or 0)
    while own:
        others = retrainings(repository)
        older = [run for run in others if run.id < own and run.status == "in_progress"]
        if not older:
            break
        newer = [run for run in others if run.id > own and run.status in COMING]
        if newer:
            return f"nothing to do: a newer retraining is waiting and includes this one: {newer[0].html_url}"
        say(f"waiting for an older retraining to end: {older[0].html_url}")
        time.sleep(POLL_S)
    return ""
