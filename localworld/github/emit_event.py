"""Emit events with the fields that all payloads share: repository, sender, organization."""

from typing import Any

from localworld.github import shapes
from localworld.github.caller import Caller
from localworld.github.db import Row
from localworld.github.event import Event
from localworld.github.git import ZERO
from localworld.github.state import GitHub


def emit_event(
    github: GitHub,
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
        name, action: see `Event`.
        caller: the user who caused the event.
        payload: the fields of this event; action, repository, sender and organization are added.
        sha, ref: see `Event`; the tip of the default branch if None.
        from_fork: see `Event`.
    """
    branch = f"refs/heads/{repository['default_branch']}"
    owner = github.user_by_id(repository["owner_id"])
    shared: dict[str, Any] = {"action": action} if action else {}
    shared["repository"] = shapes.repository(github, repository)
    if caller.user is not None:
        shared["sender"] = shapes.simple_user(github, caller.user)
    if owner["type"] == "Organization":
        shared["organization"] = organization_fields(github, owner)
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


def organization_fields(github: GitHub, owner: Row) -> dict[str, Any]:
    """Return the JSON of an organization as in payloads."""
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
