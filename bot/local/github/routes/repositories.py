"""Repositories, forks, collaborators."""

from starlette.responses import Response

from bot.errors import UserError
from bot.local.github import shapes
from bot.local.github.auth import at_least, require_user, role_of
from bot.local.github.db import Row
from bot.local.github.errors import ApiError, invalid, not_found
from bot.local.github.events import tell
from bot.local.github.http import Call

# GitHub's older permission levels, by role.
_LEVELS = {
    "none": "none",
    "read": "read",
    "triage": "read",
    "write": "write",
    "maintain": "write",
    "admin": "admin",
}


def get(call: Call) -> Response:
    """GET /repos/{owner}/{repo}"""
    return call.reply(shapes.full_repository(call.github, call.repository(), call.caller))


def create(call: Call) -> Response:
    """POST /user/repos"""
    user = require_user(call.caller)
    name = call.text("Repository", "name")
    try:
        row = call.github.create_repository(
            user["login"],
            name,
            description=call.optional("Repository", "description"),
            private=bool(call.fields().get("private")),
        )
    except UserError as error:
        raise invalid("Repository", "name", message=str(error)) from None
    return call.reply(shapes.full_repository(call.github, row, call.caller), 201)


def update(call: Call) -> Response:
    """PATCH /repos/{owner}/{repo}: description and default_branch"""
    row = call.repository()
    call.require(row, "admin", "administration")
    branch = call.optional("Repository", "default_branch")
    values = {"description": call.optional("Repository", "description"), "default_branch": branch}
    if branch is not None:
        if call.git(row).branch(branch) is None:
            raise invalid("Repository", "default_branch")
        call.git(row).run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    call.github.db.update("repositories", row["id"], **{k: v for k, v in values.items() if v is not None})
    return call.reply(shapes.full_repository(call.github, call.repository(), call.caller))


def fork(call: Call) -> Response:
    """POST /repos/{owner}/{repo}/forks; the fork that is there already, if it is"""
    parent, user = call.repository(), require_user(call.caller)
    if call.caller.permissions is not None:
        raise ApiError(403, "Resource not accessible by integration")
    row = _fork_of(call, parent, user)
    if row is None:
        try:
            row = call.github.create_repository(
                user["login"],
                call.optional("Repository", "name") or parent["name"],
                description=parent["description"],
                private=bool(parent["private"]),
                parent=parent,
            )
        except UserError as error:
            raise invalid("Repository", "name", message=str(error)) from None
        payload = {"forkee": shapes.repository(call.github, row)}
        tell(call.github, "fork", "", parent, call.caller, payload)
    return call.reply(shapes.full_repository(call.github, row, call.caller), 202)


def forks(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/forks"""
    rows = call.github.db.all(
        "SELECT * FROM repositories WHERE parent_id = ? ORDER BY id DESC", call.repository()["id"]
    )
    seen = [row for row in rows if at_least(role_of(call.github, call.caller, row), "read")]
    return call.paged(seen, lambda row: shapes.repository(call.github, row, call.caller))


def _fork_of(call: Call, parent: Row, user: Row) -> Row | None:
    """The user's fork of a repository, or None; nobody forks their own."""
    if parent["owner_id"] == user["id"]:
        return parent
    return call.github.db.one(
        "SELECT * FROM repositories WHERE parent_id = ? AND owner_id = ?", parent["id"], user["id"]
    )


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
    """GitHub shows collaborators to those who may push, and to every app."""
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


TABLE = (
    ("POST", "/user/repos", create),
    ("GET", "/repos/{owner}/{repo}", get),
    ("PATCH", "/repos/{owner}/{repo}", update),
    ("GET", "/repos/{owner}/{repo}/forks", forks),
    ("POST", "/repos/{owner}/{repo}/forks", fork),
    ("GET", "/repos/{owner}/{repo}/collaborators", collaborators),
    ("GET", "/repos/{owner}/{repo}/collaborators/{login}", is_collaborator),
    ("GET", "/repos/{owner}/{repo}/collaborators/{login}/permission", permission),
)
