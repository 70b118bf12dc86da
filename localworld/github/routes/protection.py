"""Routes of branch protection."""

import json
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from localworld.github import protection, shapes
from localworld.github.db import Row
from localworld.github.errors import ApiError, invalid
from localworld.github.http import Call

SWITCHES = (
    "required_linear_history",
    "allow_force_pushes",
    "allow_deletions",
    "block_creations",
    "required_conversation_resolution",
    "lock_branch",
    "allow_fork_syncing",
)


def get(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/branches/{branch}/protection"""
    repository, branch = _branch(call)
    settings = protection.find(call.github, repository, branch)
    if settings is None:
        raise ApiError(404, "Branch not protected")
    return call.reply(_shape(call, repository, branch, settings))


def update(call: Call) -> Response:
    """PUT /repos/{owner}/{repo}/branches/{branch}/protection"""
    repository, branch = _branch(call)
    settings = call.fields()
    for name in ("required_status_checks", "required_pull_request_reviews", "restrictions"):
        if not isinstance(settings.get(name, False), dict | None):
            raise invalid("Branch", name)
    call.github.db.run(
        "INSERT INTO protections (repository_id, branch, stated) VALUES (?, ?, ?)"
        " ON CONFLICT (repository_id, branch) DO UPDATE SET stated = excluded.stated",
        repository["id"],
        branch,
        json.dumps(settings),
    )
    return call.reply(_shape(call, repository, branch, settings))


def delete(call: Call) -> Response:
    """DELETE /repos/{owner}/{repo}/branches/{branch}/protection"""
    repository, branch = _branch(call)
    if protection.find(call.github, repository, branch) is None:
        raise ApiError(404, "Branch not protected")
    call.github.db.run(
        "DELETE FROM protections WHERE repository_id = ? AND branch = ?", repository["id"], branch
    )
    return Response(status_code=204)


def _branch(call: Call) -> tuple[Row, str]:
    repository, branch = call.repository(), call.parameter("branch")
    call.require(repository, "admin", "administration")
    if call.git(repository).branch(branch) is None:
        raise ApiError(404, "Branch not found")
    return repository, branch


def _shape(call: Call, repository: Row, branch: str, settings: dict[str, Any]) -> dict[str, Any]:
    url = f"{shapes.repository_url(call.github, repository)}/branches/{quote(branch)}/protection"
    shown: dict[str, Any] = {
        "url": url,
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": bool(settings.get("enforce_admins"))},
        **{name: {"enabled": bool(settings.get(name))} for name in SWITCHES},
    }
    checks = settings.get("required_status_checks")
    if checks is not None:
        required = protection.required(settings)
        shown["required_status_checks"] = {
            "url": f"{url}/required_status_checks",
            "strict": bool(checks.get("strict")),
            "contexts": list(required),
            "contexts_url": f"{url}/required_status_checks/contexts",
            "checks": [{"context": name, "app_id": app} for name, app in required.items()],
        }
    reviews = settings.get("required_pull_request_reviews")
    if reviews is not None:
        shown["required_pull_request_reviews"] = {
            "url": f"{url}/required_pull_request_reviews",
            "dismiss_stale_reviews": bool(reviews.get("dismiss_stale_reviews")),
            "require_code_owner_reviews": bool(reviews.get("require_code_owner_reviews")),
            "required_approving_review_count": int(reviews.get("required_approving_review_count", 1)),
            "require_last_push_approval": bool(reviews.get("require_last_push_approval")),
        }
    return shown


_REPO = "/repos/{owner}/{repo}"
TABLE = (
    ("GET", f"{_REPO}/branches/{{branch:path}}/protection", get),
    ("PUT", f"{_REPO}/branches/{{branch:path}}/protection", update),
    ("DELETE", f"{_REPO}/branches/{{branch:path}}/protection", delete),
)
