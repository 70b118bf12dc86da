"""Record what happens to issues and pull requests, for their timelines, and how branches move.

What GitHub does not record is not recorded here either: an ordinary push to a pull request leaves no event
with a time of GitHub's. Only its commits appear in the timeline (`committed`), with the dates that their
authors wrote into them. The time of every push, forced or not, is in the activity of the repository that
holds the branch.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bot.local.github.auth import Caller
from bot.local.github.clock import now
from bot.local.github.db import Row
from bot.local.github.git import ZERO, Git

if TYPE_CHECKING:
    from bot.local.github.state import GitHub


def record(
    github: "GitHub",
    issue: Row,
    event: str,
    caller: Caller,
    *,
    commit: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Record an event of an issue or pull request.

    Args:
        issue: its row; only the id is read.
        event: GitHub's name of it, such as `labeled` or `head_ref_force_pushed`.
        commit: of `merged` the commit on the base, of `head_ref_force_pushed` and `base_ref_force_pushed` the
            branch's new tip: GitHub's REST API does not show the tip before.
        details: what is particular to the event, as GitHub shows it, such as `{"rename": {...}}`.
    """
    github.db.insert(
        "issue_events",
        issue_id=issue["id"],
        event=event,
        user_id=caller.user["id"] if caller.user else None,
        commit_id=commit,
        details=json.dumps(details or {}),
        created_at=now(),
    )


def is_forced(git: Git, before: str, after: str) -> bool:
    """Whether moving a ref from one commit to another loses commits."""
    return ZERO not in (before, after) and not git.is_ancestor(before, after)


def record_activity(
    github: "GitHub", repository: Row, caller: Caller, move: tuple[str, str, str], *, merges: bool
) -> None:
    """Record that a branch moved.

    Args:
        move: full ref, SHA before, SHA after; ZERO where there was, or is, nothing.
        merges: whether a pull request was merged by it.
    """
    ref, before, after = move
    if before == ZERO:
        kind = "branch_creation"
    elif after == ZERO:
        kind = "branch_deletion"
    elif merges:
        kind = "pr_merge"
    else:
        forced = is_forced(github.git(repository["full_name"]), before, after)
        kind = "force_push" if forced else "push"
    github.db.insert(
        "activities",
        repository_id=repository["id"],
        ref=ref,
        before_sha=before,
        after_sha=after,
        kind=kind,
        user_id=caller.user["id"] if caller.user else None,
        created_at=now(),
    )
