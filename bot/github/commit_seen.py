"""Check that the author of a command had seen the commit for which the command would run.

The dates of commits are set by their authors, and not every push starts a workflow run, so neither proves
when a commit arrived. Two kinds of times come from GitHub: the time of the bot's report on a commit (a check,
which is created only while that commit is the newest), and the times of the events in the pull request's
timeline. A branch can return to an earlier commit only by a force-push, which is one of these events.
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
"""Timeline events that may change the head or the base of a pull request."""
MOST_COMMITS = 250
"""How many commits of a pull request GitHub lists at most."""
FULL = 40
_SHA = re.compile(r"[0-9a-f]{7,40}")


def split_commit(arguments: str) -> tuple[str, str]:
    """Split a command's arguments into the commit (empty if they do not start with one) and the rest."""
    first, _, rest = arguments.strip().partition(" ")
    named = first.strip("`").lower()
    return (named, rest.strip()) if _SHA.fullmatch(named) else ("", arguments.strip())


def why_unseen(
    repository: Repository, thread: Issue, pull: PullRequest, named: str, at: datetime, command: str
) -> str:
    """Return why the author of a command may not have seen the newest commit; empty if they have seen it.

    Args:
        named: the commit that the command names, perhaps abbreviated; empty if it names none.
        at: when the command was given, by GitHub's clock.
        command: the command's name, for the reply.
    """
    sha = pull.head.sha
    if named and not sha.startswith(named):
        return f"Not done: `{named[:FULL]}` is not the newest commit of this pull request; `{sha}` is."
    if len(named) == FULL:
        return ""
    hint = f"Review this commit, then name it: `/arborist {command} {sha}`"
    if named and _is_ambiguous(pull, named):
        return f"Not done: `{named}` may mean more than one commit here. Name it in full: `{sha}`."
    since = at if named else _reported(repository, pull, at)
    if since is None:
        return f"Not done: the bot had not reported on `{sha[:7]}` yet when you wrote this. {hint}"
    if any(event.event in MOVES and event.created_at >= since for event in thread.get_events()):
        return f"Not done: the pull request was changed at about the time you wrote this. {hint}"
    return ""


def _reported(repository: Repository, pull: PullRequest, before: datetime) -> datetime | None:
    """Return when the bot last reported on the newest commit before a given time; None if it had not."""
    name = lint_check(pull.base.ref, repository.default_branch)
    times = [
        check.completed_at
        for check, note in own_checks(repository, name, pull.head.sha)
        if note.get("pull") == pull.number and check.completed_at is not None and check.completed_at < before
    ]
    return max(times, default=None)


def _is_ambiguous(pull: PullRequest, named: str) -> bool:
    """Return whether an abbreviated commit matches more than one commit of the pull request."""
    if pull.commits > MOST_COMMITS:
        return True
    return sum(commit.sha.startswith(named) for commit in pull.get_commits()) != 1
