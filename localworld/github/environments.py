"""Deployment environments: protection rules, and which branches and tags may deploy."""

import json
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote

from bot.core.errors import UserError
from localworld.github import shapes
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.state import GitHub

_HEADS, _TAGS = "refs/heads/", "refs/tags/"


def find(github: GitHub, repository: Row, name: str) -> Row | None:
    """Find an environment by name, ignoring case; None if there is none."""
    query = "SELECT * FROM environments WHERE repository_id = ? AND name = ?"
    return github.db.one(query, repository["id"], name)


def find_or_create(github: GitHub, repository: Row, name: str) -> Row:
    """Find an environment by name, or create it without rules, as GitHub does if a workflow names it."""
    with github.db.transaction():
        known = find(github, repository, name)
        moment = now()
        return known or github.db.insert(
            "environments", repository_id=repository["id"], name=name, created_at=moment, updated_at=moment
        )


def protect(github: GitHub, full_name: str, name: str, branch: str) -> int:
    """Restrict deployments to an environment to one branch; create the environment if missing.

    Returns:
        The environment's id.

    Args:
        full_name: the repository, `owner/name`.
        name: the name of the environment.
        branch: the name of the branch; ignored if the environment has deployment branch policies already.

    Raises:
        UserError: there is no such repository.
    """
    repository = github.repository(full_name)
    if repository is None:
        raise UserError(f"repository {full_name} not found")
    environment = find_or_create(github, repository, name)
    policy = {"protected_branches": False, "custom_branch_policies": True}
    github.db.update("environments", environment["id"], policy=json.dumps(policy))
    if not policies(github, environment):
        values = {"environment_id": environment["id"], "name": branch, "type": "branch"}
        github.db.insert("environment_policies", **values)
    return int(environment["id"])


def reviewers(github: GitHub, environment: Row) -> list[Row]:
    """Return the required reviewers, of whom one must approve each deployment."""
    return [github.user_by_id(user_id) for user_id in json.loads(environment["reviewers"])]


def policies(github: GitHub, environment: Row) -> list[Row]:
    """Return the deployment branch policies: name patterns of branches and tags that may deploy."""
    query = "SELECT * FROM environment_policies WHERE environment_id = ? ORDER BY id"
    return github.db.all(query, environment["id"])


def refusal(github: GitHub, repository: Row, environment: Row, ref: str) -> str:
    """Return GitHub's message why a run of a ref may not deploy to an environment; empty if it may."""
    policy = json.loads(environment["policy"])
    if policy is None or _allowed(github, repository, environment, policy, ref):
        return ""
    kind = "Tag" if ref.startswith(_TAGS) else "Branch"
    return (
        f'{kind} "{ref.removeprefix(_HEADS).removeprefix(_TAGS)}" is not allowed to deploy to'
        f" {environment['name']} due to environment protection rules."
    )


def _allowed(github: GitHub, repository: Row, environment: Row, policy: dict[str, bool], ref: str) -> bool:
    if policy["protected_branches"]:
        query = "SELECT branch FROM protections WHERE repository_id = ?"
        protected = {row["branch"] for row in github.db.all(query, repository["id"])}
        # As GitHub documents: if no branch is protected, all branches may deploy.
        return ref.startswith(_HEADS) and (not protected or ref.removeprefix(_HEADS) in protected)
    kind, prefix = ("tag", _TAGS) if ref.startswith(_TAGS) else ("branch", _HEADS)
    names = [row["name"] for row in policies(github, environment) if row["type"] == kind]
    return any(_matches(ref.removeprefix(prefix).split("/"), name.split("/")) for name in names)


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Return whether a ref's parts match a pattern's: as in Ruby's File.fnmatch, `*` matches no slash."""
    if not pattern:
        return not parts
    if pattern[0] == "**" and len(pattern) > 1:
        return any(_matches(parts[start:], pattern[1:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def shape(github: GitHub, repository: Row, environment: Row) -> dict[str, Any]:
    """Return the schema environment."""
    policy = json.loads(environment["policy"])
    rules: list[dict[str, Any]] = []
    if environment["wait_timer"]:
        rules.append({"type": "wait_timer", "wait_timer": environment["wait_timer"]})
    if people := reviewer_shapes(github, environment):
        prevented = bool(environment["prevent_self_review"])
        rules.append({"type": "required_reviewers", "prevent_self_review": prevented, "reviewers": people})
    if policy:
        rules.append({"type": "branch_policy"})
    for number, rule in enumerate(rules, 4 * environment["id"]):
        rule |= {"id": number, "node_id": shapes.node_id("GA", number)}
    return {
        **lite_shape(github, repository, environment),
        "created_at": environment["created_at"],
        "updated_at": environment["updated_at"],
        "can_admins_bypass": True,
        "protection_rules": rules,
        "deployment_branch_policy": policy,
    }


def lite_shape(github: GitHub, repository: Row, environment: Row) -> dict[str, Any]:
    """Return the JSON of an environment within a pending deployment."""
    return {
        "id": environment["id"],
        "node_id": shapes.node_id("EN", environment["id"]),
        "name": environment["name"],
        "url": f"{shapes.repository_url(github, repository)}/environments/{quote(environment['name'])}",
        "html_url": f"{shapes.web_url(github, repository)}/deployments/activity_log"
        f"?environments_filter={quote(environment['name'])}",
    }


def reviewer_shapes(github: GitHub, environment: Row) -> list[dict[str, Any]]:
    """Return the required reviewers as in a protection rule or a pending deployment."""
    people = reviewers(github, environment)
    return [{"type": "User", "reviewer": shapes.simple_user(github, person)} for person in people]
