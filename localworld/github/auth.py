"""Authentication and permissions of a request's caller."""

import base64
import binascii

from starlette.requests import Request

from localworld.github.caller import Caller
from localworld.github.db import Row
from localworld.github.errors import ApiError, not_found
from localworld.github.state import GitHub

ROLES = ("none", "read", "triage", "write", "maintain", "admin")


def authenticate(github: GitHub, request: Request) -> Caller:
    """Return the caller that a request's Authorization header names: scheme `token`, `bearer` or `basic`.

    A request without the header has an anonymous caller.

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
    """Return the password of basic authentication, or the user name if there is no password."""
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password if password and password != "x-oauth-basic" else user  # noqa: S105


def role_of(github: GitHub, caller: Caller, repository: Row) -> str:
    """Return the caller's role in a repository: one of `ROLES`."""
    if caller.permissions is not None:
        return "admin" if caller.within(repository) else ("none" if repository["private"] else "read")
    return github.permission(repository, caller.user)


def at_least(role: str, needed: str) -> bool:
    """Return whether a role includes the needed one."""
    return ROLES.index(role) >= ROLES.index(needed)


def require_read(github: GitHub, caller: Caller, repository: Row) -> None:
    """Raise 404 unless the caller may read the repository."""
    if not at_least(role_of(github, caller, repository), "read"):
        raise not_found()


def require_user(caller: Caller) -> Row:
    """Return the caller's user; raise 401 for an anonymous caller."""
    if caller.user is None:
        raise ApiError(401, "Requires authentication")
    return caller.user


def require(
    github: GitHub, caller: Caller, repository: Row, role: str, *areas: str, level: str = "write"
) -> Row:
    """Require a permission in a repository.

    Args:
        role: the role that a user needs, one of `ROLES`.
        areas: the permissions that a workflow's token needs, such as `issues`; one of them is enough.
        level: the level of those permissions, `read` or `write`.

    Returns:
        The caller's user.

    Raises:
        ApiError: 401, the caller is anonymous; 403, the caller lacks the permission; 404, the caller may not
            read the repository, or is not its administrator where `role` is admin.
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
