"""Retrainings one after another, in an order that no other workflow can disturb.

A concurrency group would be shared with every workflow of the repository that names it, a pull request's own
included, which could so delay or cancel a retraining. So the runs themselves look at each other.
"""

import os
import time

from github.Repository import Repository

from bot.github.restart import retrainings
from bot.progress import say

POLL_S = 30
"""Seconds between two looks at the other runs."""
COMING = ("requested", "pending", "queued", "in_progress")
"""States of a run that needs nobody to go on; one that waits for an approval may never go on."""


def wait_for_turn(repository: Repository) -> str:
    """Wait until no older retraining is in progress.

    Returns:
        Why this run has nothing to do; empty if it is its turn.
    """
    own = int(os.environ.get("GITHUB_RUN_ID") or 0)
    while own:
        others = retrainings(repository)
        older = [run for run in others if run.id < own and run.status == "in_progress"]
        if not older:
            break
        newer = [run for run in others if run.id > own and run.status in COMING]
        if newer:
            return f"a newer retraining waits, too, and does the same: {newer[0].html_url}"
        say(f"waiting for the retraining before this one: {older[0].html_url}")
        time.sleep(POLL_S)
    return ""
