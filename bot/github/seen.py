"""Whether the commit that a command is followed for is the one that its author saw.

Commits carry their authors' dates, and not every push starts a run. What GitHub itself dates is: the bot's
report of a commit (a check, made only while that commit was the newest), and the events of the pull request's
timeline. A branch that left a commit comes back to it by a forced push only, and that is such an event.
"""

import re
from datetime import datetime

from github.Issue import Issue
from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.github.checks import lint_check, own_checks

MOVES = {
    "head_ref_force_pushed",
    "head_ref_deleted",
    "head_ref_restored",
    "base_ref_changed",
    "automatic_base_change_succeeded",
    "reopened",
}
"""Events of a timeline by which a pull request may get another head, or another base."""
MOST_COMMITS = 250
"""How many of a pull request's commits GitHub lists."""
FULL = 40
_SHA = re.compile(r"[0-9a-f]{7,40}")


def split_commit(arguments: str) -> tuple[str, str]:
    """The commit that a command's line names first, empty if it names none; and the rest of the line."""
    first, _, rest = arguments.strip().partition(" ")
    named = first.strip("`").lower()
    return (named, rest.strip()) if _SHA.fullmatch(named) else ("", arguments.strip())


def why_unseen(
    repository: Repository, thread: Issue, pull: PullRequest, named: str, at: datetime, command: str
) -> str:
    """Why somebody may not have seen the newest commit when they gave a command; empty if they have.

    Args:
        named: the beginning of the commit that the command names; empty if it names none.
        at: when the command was given, by GitHub's clock.
        command: the command's name, for the answer.
    """
    sha = pull.head.sha
    if named and not sha.startswith(named):
        return f"Not done: `{named[:FULL]}` is not the newest commit of this pull request; `{sha}` is."
    if len(named) == FULL:
        return ""
    hint = f"Read it, then name it: `/arborist {command} {sha}`"
    if named and _is_ambiguous(pull, named):
        return f"Not done: more than one commit here may be called `{named}`. Name it in full: `{sha}`."
    since = at if named else _reported(repository, pull, at)
    if since is None:
        return f"Not done: nothing shows that `{sha[:7]}` was the newest commit when you wrote. {hint}"
    if any(event.event in MOVES and event.created_at >= since for event in thread.get_events()):
        return f"Not done: the pull request was changed about when you wrote. {hint}"
    return ""


def _reported(repository: Repository, pull: PullRequest, before: datetime) -> datetime | None:
    """When the bot last reported on the newest commit, before a moment; None if it had not."""
    name = lint_check(pull.base.ref, repository.default_branch)
    times = [
        check.completed_at
        for check, note in own_checks(repository, name, pull.head.sha)
        if note.get("pull") == pull.number and check.completed_at is not None and check.completed_at < before
    ]
    return max(times, default=None)


def _is_ambiguous(pull: PullRequest, named: str) -> bool:
    """Whether a commit's short name fits another of the pull request's, which may have been meant."""
    if pull.commits > MOST_COMMITS:
        return True
    return sum(commit.sha.startswith(named) for commit in pull.get_commits()) != 1
