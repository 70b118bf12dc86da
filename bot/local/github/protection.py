"""Protected branches: what must hold before a pull request is merged into one.

What is checked is what a merge needs. Pushes by those who may write are taken as they come.
"""

import json
from typing import TYPE_CHECKING, Any

from bot.local.github import checks
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
    """The names of the checks that must have passed."""
    return list(required(stated))


def required(stated: dict[str, Any]) -> dict[str, int | None]:
    """The checks that must have passed, by name, each with the app that it must be from; None for any."""
    given = stated.get("required_status_checks") or {}
    named = {check["context"]: check.get("app_id") for check in given.get("checks", ())}
    return {**dict.fromkeys(given.get("contexts", ())), **named}


def hindrance(github: "GitHub", repository: Row, pull: Row, caller: Caller) -> str:
    """Why a pull request may not be merged yet; empty if it may. Administrators may where not held to it."""
    stated = find(github, repository, pull["base_ref"])
    if stated is None:
        return ""
    person = caller.permissions is None and github.permission(repository, caller.user)
    if person == "admin" and not stated.get("enforce_admins"):
        return ""
    query = "SELECT * FROM check_runs WHERE repository_id = ? AND head_sha = ? AND name = ? ORDER BY id DESC"
    for name, app in required(stated).items():
        runs = github.db.all(query, repository["id"], pull["head_sha"], name)
        found = next((run for run in runs if app in (None, -1, checks.app_id(github, run))), None)
        if found is None or found["conclusion"] not in PASSED:
            state = "failing" if found and found["conclusion"] else "expected"
            return f'Required status check "{name}" is {state}.'
    return ""
