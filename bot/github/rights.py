"""Who may give a command: asked of GitHub at the moment of running, since people come and go."""

import os
from collections.abc import Sequence

from github.Issue import Issue
from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.errors import UserError
from bot.recipe import Recipe

LABEL = "label:"


def may(repository: Repository, thread: Issue | PullRequest, login: str, allowed: Sequence[str]) -> bool:
    """Whether somebody is one of those who may.

    Args:
        thread: the pull request's, whose labels may open a command to its author.
        allowed: roles in the repository, which a team gives its members too, and `label:NAME`.
    """
    labels = {f"{LABEL}{label.name}" for label in thread.labels} if login == thread.user.login else set()
    if labels & set(allowed):
        return True
    return bool(allowed) and repository.get_collaborator_role_name(login) in allowed


def check_starter(repository: Repository, recipe: Recipe, pull: PullRequest, command: str) -> None:
    """Check that whoever started this workflow run by hand may give the command that it is for.

    Whoever commented was checked when the comment was answered; whoever starts `sample.yml` by hand, or runs
    a run of it again, is checked here.

    Raises:
        UserError: they may not, or nobody may, or it is a bot.
    """
    actor = os.environ.get("GITHUB_ACTOR", "")
    again = os.environ.get("GITHUB_TRIGGERING_ACTOR") or actor
    by_hand = os.environ.get("GITHUB_EVENT_NAME") == "workflow_dispatch"
    allowed = recipe.commands.get(command, ())
    for login in {actor, again} if by_hand else {again} - {actor}:
        if not may(repository, pull, login, allowed):
            raise UserError(f"/arborist {command} is for {who_may(allowed)}, and {login} is not", code=1)


def who_may(allowed: Sequence[str]) -> str:
    """Those who may, in words."""
    roles = [one for one in allowed if not one.startswith(LABEL)]
    if "read" in roles:
        return "everybody"
    words = [f"the role {' or '.join(roles)}"] if roles else []
    words += [
        f"the author where the label {one.removeprefix(LABEL)} is set" for one in allowed if one not in roles
    ]
    return ", ".join(words) or "nobody"
