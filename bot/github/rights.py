"""Who may give a command: asked of GitHub at the moment of running, since people come and go."""

from collections.abc import Sequence

from github.Issue import Issue
from github.Repository import Repository

LABEL = "label:"


def may(repository: Repository, thread: Issue, login: str, allowed: Sequence[str]) -> bool:
    """Whether somebody is one of those who may.

    Args:
        thread: the pull request's, whose labels may open a command to its author.
        allowed: roles in the repository, which a team gives its members too, and `label:NAME`.
    """
    labels = {f"{LABEL}{label.name}" for label in thread.labels} if login == thread.user.login else set()
    if labels & set(allowed):
        return True
    return bool(allowed) and repository.get_collaborator_role_name(login) in allowed


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
