"""Record the timeline events of issues and pull requests, and the activity of branches.

As on GitHub, an ordinary push to a pull request is not a timeline event. Only its commits appear in the
timeline (`committed`), with the dates that are written in the commits. The time of every push, forced or not,
is in the activity of the repository that holds the branch.
"""

import json
from collections.abc import Mapping
from typing import Any

from localworld.github.caller import Caller
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.git import ZERO, Git
from localworld.github.state import GitHub


def record(
    github: GitHub,
    issue: Row,
    event: str,
    caller: Caller,
    *,
    commit: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Record an event of an issue or pull request.

    Args:
        issue: the row of the issue or pull request; only its id is used.
        event: GitHub's name of the event, such as `labeled` or `head_ref_force_pushed`.
        commit: for `merged`, the commit on the base; for `head_ref_force_pushed` and `base_ref_force_pushed`,
            the new tip of the branch (GitHub's REST API does not show the old one).
        details: the fields of this kind of event in GitHub's shape, such as `{"rename": {...}}`.
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
    """Return whether an update of a ref is forced: the old commit is not an ancestor of the new one."""
    return ZERO not in (before, after) and not git.is_ancestor(before, after)


def record_activity(
    github: GitHub, repository: Row, caller: Caller, move: tuple[str, str, str], *, merges: bool
) -> None:
    """Record the update of a branch.

    Args:
        move: full ref, SHA before, SHA after; ZERO before its creation or after its deletion.
        merges: whether the update merged a pull request.
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
