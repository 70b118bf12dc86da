"""Routes of a repository's Actions permissions, for administrators only."""

from typing import Any

from starlette.responses import Response

from localworld.github import policies, shapes
from localworld.github.db import Row
from localworld.github.errors import invalid
from localworld.github.http import Call

ALLOWED_ACTIONS = ("all", "local_only", "selected")
WORKFLOW_PERMISSIONS = ("read", "write")


def get(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/actions/permissions"""
    repository, policy = _policy(call, level="read")
    shown: dict[str, Any] = {"enabled": bool(policy["enabled"])}
    if policy["enabled"]:
        shown["allowed_actions"] = policy["allowed_actions"]
        shown["sha_pinning_required"] = bool(policy["sha_pinning_required"])
    if policy["allowed_actions"] == "selected":
        url = shapes.repository_url(call.github, repository)
        shown["selected_actions_url"] = f"{url}/actions/permissions/selected-actions"
    return call.reply(shown)


def put(call: Call) -> Response:
    """PUT /repos/{owner}/{repo}/actions/permissions"""
    repository, policy = _policy(call)
    if not isinstance(call.fields().get("enabled"), bool):
        raise invalid("Repository", "enabled", "missing_field")
    values = {
        "enabled": call.fields()["enabled"],
        "allowed_actions": _one_of(call, "allowed_actions", ALLOWED_ACTIONS, policy),
        "sha_pinning_required": _flag(call, "sha_pinning_required", policy),
    }
    policies.change(call.github, repository, **values)
    return Response(status_code=204)


def get_workflow(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/actions/permissions/workflow"""
    _, policy = _policy(call, level="read")
    shown = {
        "default_workflow_permissions": policy["default_workflow_permissions"],
        "can_approve_pull_request_reviews": bool(policy["can_approve_pull_request_reviews"]),
    }
    return call.reply(shown)


def put_workflow(call: Call) -> Response:
    """PUT /repos/{owner}/{repo}/actions/permissions/workflow"""
    repository, policy = _policy(call)
    name = "default_workflow_permissions"
    values = {
        name: _one_of(call, name, WORKFLOW_PERMISSIONS, policy),
        "can_approve_pull_request_reviews": _flag(call, "can_approve_pull_request_reviews", policy),
    }
    policies.change(call.github, repository, **values)
    return Response(status_code=204)


def get_approval(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/actions/permissions/fork-pr-contributor-approval"""
    _, policy = _policy(call, level="read")
    return call.reply({"approval_policy": policy["approval_policy"]})


def put_approval(call: Call) -> Response:
    """PUT /repos/{owner}/{repo}/actions/permissions/fork-pr-contributor-approval"""
    repository, _ = _policy(call)
    name = call.fields().get("approval_policy")
    if name not in policies.APPROVAL:
        raise invalid("Repository", "approval_policy")
    policies.change(call.github, repository, approval_policy=name)
    return Response(status_code=204)


def _policy(call: Call, *, level: str = "write") -> tuple[Row, Row]:
    repository = call.repository()
    call.require(repository, "admin", "administration", level=level)
    return repository, policies.of(call.github, repository)


def _one_of(call: Call, name: str, values: tuple[str, ...], policy: Row) -> str:
    given = call.fields().get(name, policy[name])
    if given not in values:
        raise invalid("Repository", name)
    return str(given)


def _flag(call: Call, name: str, policy: Row) -> int:
    given = call.fields().get(name, bool(policy[name]))
    if not isinstance(given, bool):
        raise invalid("Repository", name)
    return int(given)


_PERMISSIONS = "/repos/{owner}/{repo}/actions/permissions"
TABLE = (
    ("GET", _PERMISSIONS, get),
    ("PUT", _PERMISSIONS, put),
    ("GET", f"{_PERMISSIONS}/workflow", get_workflow),
    ("PUT", f"{_PERMISSIONS}/workflow", put_workflow),
    ("GET", f"{_PERMISSIONS}/fork-pr-contributor-approval", get_approval),
    ("PUT", f"{_PERMISSIONS}/fork-pr-contributor-approval", put_approval),
)
