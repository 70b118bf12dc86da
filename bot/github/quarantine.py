"""Report leaves that cannot be read: on their pull requests, and in one issue of the repository."""

import re
from collections.abc import Collection, Sequence
from dataclasses import asdict

from github.Issue import Issue
from github.Repository import Repository

from bot.github.announce import touched
from bot.github.comment import update_comment
from bot.github.one_issue import OneIssue
from bot.github.render import render
from bot.github.signed_marks import sign
from bot.pipeline.origin import Quarantined
from bot.taxonomy.layout import Layout

QUARANTINE = OneIssue("quarantine", "Leaves that cannot be read")
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
    issue = QUARANTINE.find(repository)
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
    text = render("quarantine_issue", leaves=leaves, most=MOST_ROWS)
    body = f"{text}\n\n{_last_line(repository, concerned)}"
    QUARANTINE.tell(repository, issue, body, needed=bool(leaves))


def _told(repository: Repository, issue: Issue | None) -> set[int]:
    """Return the pull requests that have been told of a quarantined leaf, as the issue's last line says."""
    last = (issue.body or "").rpartition("\n")[2] if issue else ""
    numbers = {int(number) for number in re.findall(r"\d{1,9}", last.partition("|")[0])}
    return numbers if last == _last_line(repository, numbers) else set()


def _last_line(repository: Repository, pulls: Collection[int]) -> str:
    """Return the issue's last line, which is signed: it decides which comments are updated."""
    numbers = " ".join(map(str, sorted(pulls)))
    return f"<!-- arborist:pulls {numbers} | {sign('pulls', repository.full_name.casefold(), numbers)} -->"
