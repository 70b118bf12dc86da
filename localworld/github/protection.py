"""Branch protection: the status checks that a pull request needs before it is merged into a branch.

Protection is enforced for merges only, not for pushes.
"""

import json
from typing import Any

from localworld.github import checks
from localworld.github.caller import Caller
from localworld.github.db import Row
from localworld.github.state import GitHub

PASSED = ("success", "neutral", "skipped")


def find(github: GitHub, repository: Row, branch: str) -> dict[str, Any] | None:
    """Return the protection settings of a branch, as in GitHub's request; None if it is not protected."""
    query = "SELECT stated FROM protections WHERE repository_id = ? AND branch = ?"
    row = github.db.one(query, repository["id"], branch)
    return json.loads(row["stated"]) if row else None


def contexts(settings: dict[str, Any]) -> list[str]:
    """Return the names of the required status checks."""
    return list(required(settings))


def required(settings: dict[str, Any]) -> dict[str, int | None]:
    """Return the required status checks by name, each with the id of its app; None for any app."""
    given = settings.get("required_status_checks") or {}
    named = {check["context"]: check.get("app_id") for check in given.get("checks", ())}
    return {**dict.fromkeys(given.get("contexts", ())), **named}


def merge_blocker(github: GitHub, repository: Row, pull: Row, caller: Caller) -> str:
    """Return GitHub's message why a pull request may not be merged yet; empty if it may.

    Administrators may always merge, unless the protection has `enforce_admins`.
    """
    settings = find(github, repository, pull["base_ref"])
    if settings is None:
        return ""
    person = caller.permissions is None and github.permission(repository, caller.user)
    if person == "admin" and not settings.get("enforce_admins"):
        return ""
    query = "SELECT * FROM check_runs WHERE repository_id = ? AND head_sha = ? AND name = ? ORDER BY id DESC"
    for name, app in required(settings).items():
        runs = github.db.all(query, repository["id"], pull["head_sha"], name)
        found = next((run for run in runs if app in (None, -1, checks.app_id(github, run))), None)
        if found is None or found["conclusion"] not in PASSED:
            state = "failing" if found and found["conclusion"] else "expected"
            return f'Required status check "{name}" is {state}.'
    return ""
