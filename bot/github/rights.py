"""Who may use a command: checked with GitHub when the command runs, because roles change."""

import os
from collections.abc import Sequence

from github.Issue import Issue
from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.config.recipe import Recipe
from bot.core.errors import UserError

LABEL = "label:"


def may(repository: Repository, thread: Issue | PullRequest, login: str, allowed: Sequence[str]) -> bool:
    """Return whether a user may use a command.

    Args:
        thread: the pull request; a label on it may allow a command to its author.
        login: the user.
        allowed: roles in the repository (including roles that a team gives its members), and `label:NAME`.
    """
    labels = {f"{LABEL}{label.name}" for label in thread.labels} if login == thread.user.login else set()
    if labels & set(allowed):
        return True
    return bool(allowed) and repository.get_collaborator_role_name(login) in allowed


def check_starter(repository: Repository, recipe: Recipe, pull: PullRequest, command: str) -> None:
    """Check that the user who started or re-ran this workflow run may use its command.

    The author of a comment is checked when the comment is handled. A user who starts `sample.yml` by hand, or
    re-runs it, is checked here.

    Raises:
        UserError: the user may not use the command.
    """
    actor = os.environ.get("GITHUB_ACTOR", "")
    again = os.environ.get("GITHUB_TRIGGERING_ACTOR") or actor
    by_hand = os.environ.get("GITHUB_EVENT_NAME") == "workflow_dispatch"
    allowed = recipe.commands.get(command, ())
    for login in {actor, again} if by_hand else {again} - {actor}:
        if not may(repository, pull, login, allowed):
            raise UserError(f"/arborist {command} is for {who_may(allowed)}, and {login} is not", code=1)


def who_may(allowed: Sequence[str]) -> str:
    """Describe in words who may use a command."""
    roles = [one for one in allowed if not one.startswith(LABEL)]
    if "read" in roles:
        return "everybody"
    words = [f"the role {' or '.join(roles)}"] if roles else []
    words += [
        f"the author if the label {one.removeprefix(LABEL)} is set" for one in allowed if one not in roles
    ]
    return ", ".join(words) or "nobody"
