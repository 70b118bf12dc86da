"""Routes of collaborators and their permissions."""

from starlette.responses import Response

from localworld.github import shapes
from localworld.github.auth import at_least, require_user, role_of
from localworld.github.db import Row
from localworld.github.errors import ApiError, invalid, not_found
from localworld.github.http import Call

# Role -> legacy permission level in GitHub's field `permission`.
_LEVELS = {
    "none": "none",
    "read": "read",
    "triage": "read",
    "write": "write",
    "maintain": "write",
    "admin": "admin",
}


def permission(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/collaborators/{login}/permission"""
    row = call.repository()
    _require_push(call, row)
    user = call.github.user(call.parameter("login"))
    if user is None:
        raise not_found()
    role = call.github.permission(row, user)
    content = {"permission": _LEVELS[role], "role_name": role, "user": _collaborator(call, row, user)}
    return call.reply(content)


def collaborators(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/collaborators"""
    row = call.repository()
    _require_push(call, row)
    users = call.github.db.all(
        "SELECT DISTINCT users.* FROM users LEFT JOIN collaborators ON user_id = users.id "
        "WHERE repository_id = ? OR (users.id = ? AND type = 'User') ORDER BY users.id",
        row["id"],
        row["owner_id"],
    )
    return call.paged(users, lambda user: _collaborator(call, row, user))


def is_collaborator(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/collaborators/{login}"""
    row = call.repository()
    _require_push(call, row)
    user = call.github.user(call.parameter("login"))
    known = user and (
        user["id"] == row["owner_id"]
        or call.github.db.one(
            "SELECT 1 FROM collaborators WHERE repository_id = ? AND user_id = ?", row["id"], user["id"]
        )
    )
    if not known:
        raise not_found()
    return Response(status_code=204)


def _require_push(call: Call, row: Row) -> None:
    """Raise unless the caller may see collaborators: users with push access and all apps may."""
    require_user(call.caller)
    if call.caller.permissions is None and not at_least(role_of(call.github, call.caller, row), "write"):
        raise ApiError(403, "Must have push access to view repository collaborators.")


def _collaborator(call: Call, row: Row, user: Row) -> dict[str, object]:
    role = call.github.permission(row, user)
    return {
        **shapes.simple_user(call.github, user),
        "permissions": shapes.permissions(role),
        "role_name": role,
    }


def add(call: Call) -> Response:
    """PUT /repos/{owner}/{repo}/collaborators/{login}; adds the user at once, without an invitation"""
    row = call.repository()
    call.require(row, "admin", "administration")
    user = call.github.user(call.parameter("login"))
    if user is None:
        raise not_found()
    named = call.optional("Repository", "permission") or "push"
    role = {"pull": "read", "push": "write"}.get(named, named)
    if role not in ("read", "triage", "write", "maintain", "admin"):
        raise invalid("Repository", "permission")
    call.github.add_collaborator(row["full_name"], user["login"], role)
    return Response(status_code=204)


def remove(call: Call) -> Response:
    """DELETE /repos/{owner}/{repo}/collaborators/{login}"""
    row = call.repository()
    call.require(row, "admin", "administration")
    user = call.github.user(call.parameter("login"))
    if user is None:
        raise not_found()
    call.github.db.run(
        "DELETE FROM collaborators WHERE repository_id = ? AND user_id = ?", row["id"], user["id"]
    )
    return Response(status_code=204)


_PEOPLE = "/repos/{owner}/{repo}/collaborators"
TABLE = (
    ("GET", _PEOPLE, collaborators),
    ("GET", f"{_PEOPLE}/{{login}}", is_collaborator),
    ("PUT", f"{_PEOPLE}/{{login}}", add),
    ("DELETE", f"{_PEOPLE}/{{login}}", remove),
    ("GET", f"{_PEOPLE}/{{login}}/permission", permission),
)
