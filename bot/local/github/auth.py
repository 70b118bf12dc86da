"""Who asks, and what they may do."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.requests import Request

from bot.local.github.db import Row
from bot.local.github.errors import ApiError, not_found

if TYPE_CHECKING:
    from bot.local.github.state import GitHub

ROLES = ("none", "read", "triage", "write", "maintain", "admin")


@dataclass(frozen=True)
class Caller:
    """Whoever sent a request; nobody, if `user` is None.

    Attributes:
        permissions: what an installation's or a workflow's token may do, such as `{"contents": "read"}`;
            None for a person's own token, which may do what the person may.
        repository: the only repository in which such a token may write.
        workflow: whether this is the token of a running workflow.
    """

    user: Row | None = None
    token: str = ""
    permissions: Mapping[str, str] | None = None
    repository: str | None = None
    workflow: bool = False
    login: str = field(init=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "login", self.user["login"] if self.user else "")

    @property
    def is_app(self) -> bool:
        """Whether GitHub sees an app here, and not a person: only apps may write check runs."""
        return self.workflow or (self.user is not None and self.user["type"] == "Bot")

    def within(self, repository: Row) -> bool:
        """Whether a token with permissions has them in this repository."""
        return self.repository is None or self.repository.lower() == repository["full_name"].lower()

    def grants(self, area: str, level: str) -> bool:
        """Whether a token's permissions include an area at a level; `write` includes `read`."""
        permissions = self.permissions or {}
        granted = permissions.get(area.replace("_", "-")) or permissions.get(area.replace("-", "_"))
        return granted in ("write", level)


def authenticate(github: "GitHub", request: Request) -> Caller:
    """The caller that a request's Authorization header names; `token`, `bearer` and `basic` are understood.

    Raises:
        ApiError: 401, the token is wrong.
    """
    header = request.headers.get("authorization", "")
    if not header:
        return Caller()
    scheme, _, value = header.partition(" ")
    token = _password(value) if scheme.lower() == "basic" else value.strip()
    caller = github.caller(token)
    if caller is None:
        raise ApiError(401, "Bad credentials")
    return caller


def _password(encoded: str) -> str:
    """The password of basic authentication; the user's name counts as the token where there is none."""
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password if password and password != "x-oauth-basic" else user  # noqa: S105


def caller_of(row: Row, user: Row) -> Caller:
    """The caller to whom a row of the table `tokens` belongs."""
    permissions = json.loads(row["permissions"]) if row["permissions"] is not None else None
    return Caller(user, row["token"], permissions, row["repository"], bool(row["workflow"]))


def role_of(github: "GitHub", caller: Caller, repository: Row) -> str:
    """The caller's role in a repository: one of `ROLES`."""
    if caller.permissions is not None:
        return "admin" if caller.within(repository) else ("none" if repository["private"] else "read")
    return github.permission(repository, caller.user)


def at_least(role: str, needed: str) -> bool:
    """Whether a role includes another."""
    return ROLES.index(role) >= ROLES.index(needed)


def require_read(github: "GitHub", caller: Caller, repository: Row) -> None:
    """Raise 404 if the caller may not see the repository."""
    if not at_least(role_of(github, caller, repository), "read"):
        raise not_found()


def require_user(caller: Caller) -> Row:
    """The caller's user; 401 if nobody is logged in."""
    if caller.user is None:
        raise ApiError(401, "Requires authentication")
    return caller.user


def require(
    github: "GitHub", caller: Caller, repository: Row, role: str, *areas: str, level: str = "write"
) -> Row:
    """Raise unless the caller may do this in the repository; returns the caller's user.

    Args:
        role: what a person needs, one of `ROLES`.
        areas: what a workflow's token needs, such as `issues`; one of them is enough.
        level: `read` or `write`, for the areas.
    """
    require_read(github, caller, repository)
    user = require_user(caller)
    if caller.permissions is not None:
        if not (caller.within(repository) and any(caller.grants(area, level) for area in areas)):
            raise ApiError(403, "Resource not accessible by integration")
    elif not at_least(role_of(github, caller, repository), role):
        if role == "admin" or not at_least(role, "write"):
            raise not_found() if role == "admin" else ApiError(403, "Must have triage access to Repository.")
        raise ApiError(403, "Must have push access to Repository.")
    return user
