"""Protected branches: what must hold before a pull request is merged into one.

What is checked is what a merge needs. Pushes by those who may write are taken as they come.
"""

import json
from typing import TYPE_CHECKING, Any

from bot.local.github.auth import Caller
from bot.local.github.db import Row

if TYPE_CHECKING:
    from bot.local.github.state import GitHub

PASSED = ("success", "neutral", "skipped")


def find(github: "GitHub", repository: Row, branch: str) -> dict[str, Any] | None:
    """What the protection of a branch states; None if it is not protected."""
    query = "SELECT stated FROM protections WHERE repository_id = ? AND branch = ?"
    row = github.db.one(query, repository["id"], branch)
    return json.loads(row["stated"]) if row else None


def contexts(stated: dict[str, Any]) -> list[str]:
    """The checks that must have passed."""
    required = stated.get("required_status_checks") or {}
    return [*required.get("contexts", ()), *(check["context"] for check in required.get("checks", ()))]


def hindrance(github: "GitHub", repository: Row, pull: Row, caller: Caller) -> str:
    """Why a pull request may not be merged yet; empty if it may. Administrators may where not held to it."""
    stated = find(github, repository, pull["base_ref"])
    if stated is None:
        return ""
    person = caller.permissions is None and github.permission(repository, caller.user)
    if person == "admin" and not stated.get("enforce_admins"):
        return ""
    query = "SELECT conclusion FROM check_runs WHERE repository_id = ? AND head_sha = ? AND name = ?"
    for name in contexts(stated):
        found = github.db.one(f"{query} ORDER BY id DESC", repository["id"], pull["head_sha"], name)
        if found is None or found["conclusion"] not in PASSED:
            state = "failing" if found and found["conclusion"] else "expected"
            return f'Required status check "{name}" is {state}.'
    return ""
