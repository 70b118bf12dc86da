"""Environments: their protection rules, and which branches and tags may deploy to them."""

import json
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bot.errors import UserError
from bot.local.github import shapes
from bot.local.github.clock import now
from bot.local.github.db import Row

if TYPE_CHECKING:
    from bot.local.github.state import GitHub

_HEADS, _TAGS = "refs/heads/", "refs/tags/"


def find(github: "GitHub", repository: Row, name: str) -> Row | None:
    """An environment by its name, in any case; None if there is none."""
    query = "SELECT * FROM environments WHERE repository_id = ? AND name = ?"
    return github.db.one(query, repository["id"], name)


def find_or_create(github: "GitHub", repository: Row, name: str) -> Row:
    """An environment by its name. GitHub creates one without rules where a workflow names a new one."""
    with github.db.transaction():
        known = find(github, repository, name)
        moment = now()
        return known or github.db.insert(
            "environments", repository_id=repository["id"], name=name, created_at=moment, updated_at=moment
        )


def protect(github: "GitHub", full_name: str, name: str, branch: str) -> None:
    """Let one branch alone deploy to an environment, which is created if it is not there.

    Raises:
        UserError: there is no such repository.
    """
    repository = github.repository(full_name)
    if repository is None:
        raise UserError(f"there is no repository {full_name}")
    environment = find_or_create(github, repository, name)
    policy = {"protected_branches": False, "custom_branch_policies": True}
    github.db.update("environments", environment["id"], policy=json.dumps(policy))
    if not policies(github, environment):
        values = {"environment_id": environment["id"], "name": branch, "type": "branch"}
        github.db.insert("environment_policies", **values)


def reviewers(github: "GitHub", environment: Row) -> list[Row]:
    """The users of whom one must approve each deployment."""
    return [github.user_by_id(user_id) for user_id in json.loads(environment["reviewers"])]


def policies(github: "GitHub", environment: Row) -> list[Row]:
    """The name patterns of branches and tags that may deploy, where these are selected by name."""
    query = "SELECT * FROM environment_policies WHERE environment_id = ? ORDER BY id"
    return github.db.all(query, environment["id"])


def refusal(github: "GitHub", repository: Row, environment: Row, ref: str) -> str:
    """Why a workflow run of a ref may not deploy to an environment, in GitHub's words; empty if it may."""
    policy = json.loads(environment["policy"])
    if policy is None or _allowed(github, repository, environment, policy, ref):
        return ""
    kind = "Tag" if ref.startswith(_TAGS) else "Branch"
    return (
        f'{kind} "{ref.removeprefix(_HEADS).removeprefix(_TAGS)}" is not allowed to deploy to'
        f" {environment['name']} due to environment protection rules."
    )


def _allowed(github: "GitHub", repository: Row, environment: Row, policy: dict[str, bool], ref: str) -> bool:
    if policy["protected_branches"]:
        query = "SELECT branch FROM protections WHERE repository_id = ?"
        protected = {row["branch"] for row in github.db.all(query, repository["id"])}
        # As GitHub documents it: where no branch is protected, every branch may deploy.
        return ref.startswith(_HEADS) and (not protected or ref.removeprefix(_HEADS) in protected)
    kind, prefix = ("tag", _TAGS) if ref.startswith(_TAGS) else ("branch", _HEADS)
    names = [row["name"] for row in policies(github, environment) if row["type"] == kind]
    return any(_matches(ref.removeprefix(prefix).split("/"), name.split("/")) for name in names)


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a ref fits a pattern, part by part: as Ruby's File.fnmatch, `*` does not match a slash."""
    if not pattern:
        return not parts
    if pattern[0] == "**" and len(pattern) > 1:
        return any(_matches(parts[start:], pattern[1:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def shape(github: "GitHub", repository: Row, environment: Row) -> dict[str, Any]:
    """The schema environment."""
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


def lite_shape(github: "GitHub", repository: Row, environment: Row) -> dict[str, Any]:
    """An environment within a pending deployment."""
    return {
        "id": environment["id"],
        "node_id": shapes.node_id("EN", environment["id"]),
        "name": environment["name"],
        "url": f"{shapes.repository_url(github, repository)}/environments/{quote(environment['name'])}",
        "html_url": f"{shapes.web_url(github, repository)}/deployments/activity_log"
        f"?environments_filter={quote(environment['name'])}",
    }


def reviewer_shapes(github: "GitHub", environment: Row) -> list[dict[str, Any]]:
    """The required reviewers as a rule or a pending deployment shows them."""
    people = reviewers(github, environment)
    return [{"type": "User", "reviewer": shapes.simple_user(github, person)} for person in people]
