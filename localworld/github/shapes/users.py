"""JSON of users, organizations and apps."""

import base64
from typing import Any
from urllib.parse import quote

from localworld.github.db import Row
from localworld.github.state import GitHub

ACTIONS_APP_ID = 15368  # the id of the GitHub Actions app on github.com


def node_id(kind: str, number: int | str) -> str:
    """Return a GraphQL node id: opaque, and always the same for the same object."""
    return f"{kind}_{base64.urlsafe_b64encode(str(number).encode()).decode().rstrip('=')}"


def simple_user(github: GitHub, user: Row) -> dict[str, Any]:
    """Return the schema simple-user."""
    login = user["login"]
    url = f"{github.api_url}/users/{quote(login)}"  # a bot's login has brackets
    html = (
        f"{github.base_url}/apps/{app_slug(login)}" if user["type"] == "Bot" else f"{github.base_url}/{login}"
    )
    return {
        "login": login,
        "id": user["id"],
        "node_id": node_id("U", user["id"]),
        "avatar_url": f"{github.base_url}/avatars/u/{user['id']}",
        "gravatar_id": "",
        "url": url,
        "html_url": html,
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": user["type"],
        "site_admin": False,
    }


def public_user(github: GitHub, user: Row) -> dict[str, Any]:
    """Return the schema public-user."""
    repositories = github.db.count(
        "SELECT COUNT(*) FROM repositories WHERE owner_id = ? AND NOT private", user["id"]
    )
    return {
        **simple_user(github, user),
        "name": user["name"],
        "company": None,
        "blog": "",
        "location": None,
        "email": user["email"],
        "hireable": None,
        "bio": None,
        "twitter_username": None,
        "public_repos": repositories,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": user["created_at"],
        "updated_at": user["created_at"],
    }


def app_slug(login: str) -> str:
    """Return the slug of the app whose bot user has this login."""
    return login.removesuffix("[bot]")


def app_id(bot: Row) -> int:
    """Return the id of the app that a bot user belongs to."""
    return ACTIONS_APP_ID if app_slug(bot["login"]) == "github-actions" else int(bot["id"])


def app(github: GitHub, bot: Row) -> dict[str, Any]:
    """Return the schema integration of the app that a bot user belongs to."""
    slug, number = app_slug(bot["login"]), app_id(bot)
    return {
        "id": number,
        "slug": slug,
        "node_id": node_id("A", number),
        "owner": simple_user(github, bot),
        "name": "GitHub Actions" if slug == "github-actions" else slug,
        "description": "",
        "external_url": github.base_url,
        "html_url": f"{github.base_url}/apps/{slug}",
        "created_at": bot["created_at"],
        "updated_at": bot["created_at"],
        "permissions": {"checks": "write", "contents": "write", "issues": "write", "metadata": "read"},
        "events": [],
    }
