"""Events, with what all of their payloads share: repository, sender, organization."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.local.github import shapes
from bot.local.github.auth import Caller
from bot.local.github.db import Row
from bot.local.github.git import ZERO

if TYPE_CHECKING:
    from bot.local.github.state import GitHub


@dataclass(frozen=True)
class Event:
    """Something that happened, as GitHub tells it.

    Attributes:
        name: `push`, `pull_request`, `issue_comment`, …
        action: `opened`, `created`, …; empty where GitHub has none.
        repository: `owner/name`.
        payload: the webhook payload, in GitHub's own shape.
        sha: GITHUB_SHA of a workflow run for this event.
        ref: GITHUB_REF of a workflow run for this event.
        actor: the login of who caused it.
        from_fork: a pull request from a fork: no secrets, read-only token.
        chained: caused with a workflow's own token, so it starts no further workflow, with GitHub's
            exceptions of workflow_dispatch and workflow_run.
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


def tell(
    github: "GitHub",
    name: str,
    action: str,
    repository: Row,
    caller: Caller,
    payload: dict[str, Any],
    *,
    sha: str | None = None,
    ref: str | None = None,
    from_fork: bool = False,
) -> None:
    """Emit an event.

    Args:
        payload: what is particular to the event; action, repository and sender are added.
        sha, ref: see `Event`; the tip of the default branch if None.
    """
    branch = f"refs/heads/{repository['default_branch']}"
    owner = github.user_by_id(repository["owner_id"])
    shared: dict[str, Any] = {"action": action} if action else {}
    shared["repository"] = shapes.repository(github, repository)
    if caller.user is not None:
        shared["sender"] = shapes.simple_user(github, caller.user)
    if owner["type"] == "Organization":
        shared["organization"] = organization(github, owner)
    github.emit(
        Event(
            name=name,
            action=action,
            repository=repository["full_name"],
            payload={**shared, **payload},
            sha=sha or github.git(repository["full_name"]).ref(branch) or ZERO,
            ref=ref or branch,
            actor=caller.login,
            from_fork=from_fork,
            chained=caller.workflow,
        )
    )


def organization(github: "GitHub", owner: Row) -> dict[str, Any]:
    """An organization as it stands in payloads."""
    url = f"{github.api_url}/orgs/{owner['login']}"
    return {
        "login": owner["login"],
        "id": owner["id"],
        "node_id": shapes.node_id("O", owner["id"]),
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"{github.base_url}/avatars/u/{owner['id']}",
        "description": "",
    }
