"""A GitHub event."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """An event in a repository, which starts workflows and is sent to webhooks.

    Attributes:
        name: `push`, `pull_request`, `issue_comment`, …
        action: `opened`, `created`, …; empty for events that have no action.
        repository: full name of the repository, `owner/name`.
        payload: the webhook payload, in GitHub's shape.
        sha: GITHUB_SHA of a workflow run for this event.
        ref: GITHUB_REF of a workflow run for this event.
        actor: login of the user who caused the event.
        from_fork: whether the event is about a pull request from a fork; its workflow runs have no secrets
            and a read-only token.
        chained: whether the event was caused with a workflow's GITHUB_TOKEN. As on GitHub, such an event
            starts no workflow, except workflow_dispatch and workflow_run.
    """

    name: str
    action: str
    repository: str
    payload: dict[str, Any]
    sha: str
    ref: str
    actor: str
    from_fork: bool
    chained: bool = False
