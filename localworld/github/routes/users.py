"""Routes of users, the rate limit, /meta and the API root."""

from starlette.responses import Response

from localworld.github import shapes
from localworld.github.auth import require_user
from localworld.github.errors import ApiError, not_found
from localworld.github.http import Call


def get_authenticated(call: Call) -> Response:
    """GET /user"""
    user = require_user(call.caller)
    if call.caller.permissions is not None:
        raise ApiError(403, "Resource not accessible by integration")
    return call.reply(shapes.public_user(call.github, user))


def get_user(call: Call) -> Response:
    """GET /users/{login}"""
    user = call.github.user(call.parameter("login"))
    if user is None:
        raise not_found()
    return call.reply(shapes.public_user(call.github, user))


def rate_limit(call: Call) -> Response:
    """GET /rate_limit"""
    core = call.rates.add(call.caller.token, 0)
    search = {**core, "limit": 30, "used": 0, "remaining": 30}
    return call.reply({"resources": {"core": core, "search": search}, "rate": core})


def meta(call: Call) -> Response:
    """GET /meta"""
    return call.reply(
        {"verifiable_password_authentication": False, "api": ["127.0.0.1/32"], "git": ["127.0.0.1/32"]}
    )


def root(call: Call) -> Response:
    """GET /"""
    api = call.github.api_url
    return call.reply(
        {
            "current_user_url": f"{api}/user",
            "rate_limit_url": f"{api}/rate_limit",
            "repository_url": f"{api}/repos/{{owner}}/{{repo}}",
            "user_url": f"{api}/users/{{user}}",
        }
    )


TABLE = (
    ("GET", "", root),
    ("GET", "/", root),
    ("GET", "/user", get_authenticated),
    ("GET", "/users/{login}", get_user),
    ("GET", "/rate_limit", rate_limit),
    ("GET", "/meta", meta),
)
