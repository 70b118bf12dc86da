"""Report leaves that cannot be read: on their pull requests, and in one issue of the repository."""

import re
from collections.abc import Collection, Sequence
from dataclasses import asdict

from github.Issue import Issue
from github.Repository import Repository

from bot.github.announce import touched
from bot.github.comment import update_comment
from bot.github.render import render
from bot.github.signed_marks import mark, sign
from bot.pipeline.origin import Quarantined
from bot.taxonomy.layout import Layout

LABEL = "quarantine"
"""The label by which the issue is found."""
TITLE = "Leaves that cannot be read"
MOST_ROWS = 50
"""How many leaves the issue lists."""


def tell_quarantine(
    repository: Repository, pulls: Collection[int], leaves: Sequence[Quarantined], layout: Layout
) -> None:
    """Report quarantined leaves, and withdraw earlier reports of leaves that can be read again.

    Telling it again changes nothing.

    Args:
        pulls: the merged pull requests that are new since the newest release.
        leaves: the leaves that are quarantined now.
    """
    issue = find_issue(repository)
    told = _told(repository, issue)
    if not leaves and not told and (issue is None or issue.state == "closed"):
        return
    concerned = []
    for number in sorted({*pulls, *told}):
        pull = repository.get_pull(number)
        own = touched([asdict(leaf) for leaf in leaves], [file.filename for file in pull.get_files()], layout)
        if own or number in told:
            update_comment(pull, {"quarantine": render("quarantine", leaves=own) if own else ""})
        concerned += [number] if own else []
    _tell_issue(repository, issue, leaves, concerned)


def find_issue(repository: Repository) -> Issue | None:
    """Return the bot's issue on quarantined leaves, open or closed. A person's issue does not count."""
    opening = _mark(repository)
    for issue in repository.get_issues(state="all", labels=[LABEL]):
        own = issue.pull_request is None and issue.user.type == "Bot"
        if own and (issue.body or "").startswith(opening):
            return issue
    return None


def _mark(repository: Repository) -> str:
    return mark("quarantine", repository.full_name, 0)


def _told(repository: Repository, issue: Issue | None) -> set[int]:
    """Return the pull requests that have been told of a quarantined leaf, as the issue's last line says."""
    last = (issue.body or "").rpartition("\n")[2] if issue else ""
    numbers = {int(number) for number in re.findall(r"\d{1,9}", last.partition("|")[0])}
    return numbers if last == _last_line(repository, numbers) else set()


def _last_line(repository: Repository, pulls: Collection[int]) -> str:
    """Return the issue's last line, which is signed: it decides which comments are updated."""
    numbers = " ".join(map(str, sorted(pulls)))
    return f"<!-- arborist:pulls {numbers} | {sign('pulls', repository.full_name.casefold(), numbers)} -->"


def _tell_issue(
    repository: Repository, issue: Issue | None, leaves: Sequence[Quarantined], pulls: Sequence[int]
) -> None:
    """Open, update or close the issue."""
    text = render("quarantine_issue", leaves=leaves, most=MOST_ROWS)
    body = f"{_mark(repository)}\n{text}\n\n{_last_line(repository, pulls)}"
    state = "open" if leaves else "closed"
    if issue is None:
        if leaves:
            repository.create_issue(TITLE, body, labels=[LABEL])
    elif (issue.body, issue.state) != (body, state):
        issue.edit(body=body, state=state)
