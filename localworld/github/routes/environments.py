"""Routes of environments and their deployment branch policies."""

import json
from typing import Any

from starlette.responses import Response

from localworld.github import environments, shapes
from localworld.github.auth import at_least
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.errors import ApiError, invalid, not_found
from localworld.github.http import Call

MAX_REVIEWERS, MAX_WAIT_MIN = 6, 43_200


def listed(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/environments"""
    repository = call.repository()
    query = "SELECT * FROM environments WHERE repository_id = ? ORDER BY id"
    return call.paged(
        call.github.db.all(query, repository["id"]),
        lambda row: environments.shape(call.github, repository, row),
        lambda shown, total: {"total_count": total, "environments": shown},
    )


def get(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/environments/{environment_name}"""
    repository, row = _environment(call)
    return call.reply(environments.shape(call.github, repository, row))


def put(call: Call) -> Response:
    """PUT /repos/{owner}/{repo}/environments/{environment_name}; omitted rules are removed"""
    repository = call.repository()
    call.require(repository, "admin", "administration")
    fields = call.fields()
    values = {
        "policy": json.dumps(_policy(fields)),
        "reviewers": json.dumps(_reviewers(call, repository, fields)),
        "prevent_self_review": int(bool(fields.get("prevent_self_review"))),
        "wait_timer": _wait_timer(fields),
    }
    row = environments.find_or_create(call.github, repository, call.parameter("environment_name"))
    call.github.db.update("environments", row["id"], **values, updated_at=now())
    if not (_policy(fields) or {}).get("custom_branch_policies"):
        call.github.db.run("DELETE FROM environment_policies WHERE environment_id = ?", row["id"])
    return get(call)


def delete(call: Call) -> Response:
    """DELETE /repos/{owner}/{repo}/environments/{environment_name}"""
    repository, row = _environment(call)
    call.require(repository, "admin", "administration")
    call.github.db.run("DELETE FROM environments WHERE id = ?", row["id"])
    return Response(status_code=204)


def policies(call: Call) -> Response:
    """GET …/environments/{environment_name}/deployment-branch-policies"""
    _, row = _environment(call)
    return call.paged(
        environments.policies(call.github, row),
        _policy_shape,
        lambda shown, total: {"total_count": total, "branch_policies": shown},
    )


def create_policy(call: Call) -> Response:
    """POST …/environments/{environment_name}/deployment-branch-policies"""
    repository, row = _environment(call)
    call.require(repository, "admin", "administration")
    if not (json.loads(row["policy"]) or {}).get("custom_branch_policies"):
        raise not_found()
    name, kind = call.text("DeploymentBranchPolicy", "name"), call.fields().get("type", "branch")
    if kind not in ("branch", "tag"):
        raise invalid("DeploymentBranchPolicy", "type")
    if any((one["name"], one["type"]) == (name, kind) for one in environments.policies(call.github, row)):
        return Response(status_code=303)
    made = call.github.db.insert("environment_policies", environment_id=row["id"], name=name, type=kind)
    return call.reply(_policy_shape(made))


def get_policy(call: Call) -> Response:
    """GET …/environments/{environment_name}/deployment-branch-policies/{policy}"""
    return call.reply(_policy_shape(_branch_policy(call)))


def update_policy(call: Call) -> Response:
    """PUT …/environments/{environment_name}/deployment-branch-policies/{policy}"""
    call.require(call.repository(), "admin", "administration")
    row = _branch_policy(call)
    call.github.db.update("environment_policies", row["id"], name=call.text("DeploymentBranchPolicy", "name"))
    return get_policy(call)


def delete_policy(call: Call) -> Response:
    """DELETE …/environments/{environment_name}/deployment-branch-policies/{policy}"""
    call.require(call.repository(), "admin", "administration")
    call.github.db.run("DELETE FROM environment_policies WHERE id = ?", _branch_policy(call)["id"])
    return Response(status_code=204)


def _environment(call: Call) -> tuple[Row, Row]:
    repository = call.repository()
    row = environments.find(call.github, repository, call.parameter("environment_name"))
    if row is None:
        raise not_found()
    return repository, row


def _branch_policy(call: Call) -> Row:
    _, row = _environment(call)
    number = call.number("policy")
    found = [one for one in environments.policies(call.github, row) if one["id"] == number]
    if not found:
        raise not_found()
    return found[0]


def _policy_shape(row: Row) -> dict[str, Any]:
    shown = {name: row[name] for name in ("id", "name", "type")}
    return {**shown, "node_id": shapes.node_id("DBP", row["id"])}


def _policy(fields: dict[str, Any]) -> dict[str, bool] | None:
    policy = fields.get("deployment_branch_policy")
    if policy is None:
        return None
    names = ("protected_branches", "custom_branch_policies")
    if not isinstance(policy, dict) or not all(isinstance(policy.get(name), bool) for name in names):
        raise invalid("Environment", "deployment_branch_policy")
    if policy[names[0]] == policy[names[1]]:
        message = "protected_branches and custom_branch_policies cannot have the same value"
        raise ApiError(422, message)
    return {name: policy[name] for name in names}


def _reviewers(call: Call, repository: Row, fields: dict[str, Any]) -> list[int]:
    given = fields.get("reviewers") or []
    if not isinstance(given, list) or len(given) > MAX_REVIEWERS:
        raise ApiError(422, f"reviewers must be a list of at most {MAX_REVIEWERS}")
    found = []
    for one in given:
        if not isinstance(one, dict) or one.get("type") != "User" or not isinstance(one.get("id"), int):
            raise invalid("Environment", "reviewers")  # teams are not supported
        user = call.github.db.one("SELECT * FROM users WHERE id = ? AND type = 'User'", one["id"])
        if user is None or not at_least(call.github.permission(repository, user), "read"):
            raise invalid("Environment", "reviewers")
        found.append(user["id"])
    return found


def _wait_timer(fields: dict[str, Any]) -> int:
    minutes = fields.get("wait_timer", 0)
    if not isinstance(minutes, int) or not 0 <= minutes <= MAX_WAIT_MIN:
        raise invalid("Environment", "wait_timer")
    return int(minutes)


_ENVIRONMENTS = "/repos/{owner}/{repo}/environments"
_ONE = f"{_ENVIRONMENTS}/{{environment_name}}"
_POLICIES = f"{_ONE}/deployment-branch-policies"
TABLE = (
    ("GET", _ENVIRONMENTS, listed),
    ("GET", _ONE, get),
    ("PUT", _ONE, put),
    ("DELETE", _ONE, delete),
    ("GET", _POLICIES, policies),
    ("POST", _POLICIES, create_policy),
    ("GET", f"{_POLICIES}/{{policy}}", get_policy),
    ("PUT", f"{_POLICIES}/{{policy}}", update_policy),
    ("DELETE", f"{_POLICIES}/{{policy}}", delete_policy),
)
