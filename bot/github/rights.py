"""Who may give a command: asked of GitHub at the moment of running, since people come and go."""

from collections.abc import Sequence

from github.GithubException import UnknownObjectException
from github.Issue import Issue
from github.Repository import Repository

TEAM, LABEL = "team:", "label:"


def may(repository: Repository, thread: Issue, login: str, allowed: Sequence[str]) -> bool:
    """Whether somebody is one of those who may.

    Args:
        thread: the pull request's, whose labels may open a command to its author.
        allowed: roles in the repository, `team:SLUG` of its organization, `label:NAME`; nobody if empty.
    """
    for one in allowed:
        if one.startswith(TEAM):
            if _in_team(repository, one.removeprefix(TEAM), login):
                return True
        elif one.startswith(LABEL):
            labels = {label.name for label in thread.labels}
            if login == thread.user.login and one.removeprefix(LABEL) in labels:
                return True
        elif _role(repository, login) == one:
            return True
    return False


def who_may(allowed: Sequence[str]) -> str:
    """Those who may, in words."""
    roles = [one for one in allowed if not one.startswith((TEAM, LABEL))]
    if "read" in roles:
        return "everybody"
    words = [f"the role {' or '.join(roles)}"] if roles else []
    for one in allowed:
        if one.startswith(TEAM):
            words.append(f"the team {one.removeprefix(TEAM)}")
        elif one.startswith(LABEL):
            words.append(f"the author where the label {one.removeprefix(LABEL)} is set")
    return ", ".join(words) or "nobody"


def _role(repository: Repository, login: str) -> str:
    return repository.get_collaborator_role_name(login)


def _in_team(repository: Repository, slug: str, login: str) -> bool:
    try:
        team = repository.organization.get_team_by_slug(slug)
        return bool(team.get_team_membership(login).state == "active")
    except UnknownObjectException:  # no such team, no member of it, or the token may not see it
        return False
