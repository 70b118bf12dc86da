"""Report a candidate that the gate refused, in one issue, and read there whether maintainers override it."""

import base64
import json
import re
from dataclasses import asdict, dataclass

from github.Issue import Issue
from github.Repository import Repository

from bot.github.one_issue import OneIssue
from bot.github.render import render
from bot.github.results import summary_of
from bot.github.signed_marks import sign
from bot.pipeline.candidate import Candidate

REFUSED = OneIssue("refused", "The gate refused a release")
LONGEST_REASON = 300
"""Maximum number of characters of the reason for an override."""
_LINE = re.compile(r"<!-- arborist:candidate ([0-9a-f]{64}) ([\w=-]*) \| ([0-9a-f]+) -->")


@dataclass(frozen=True)
class Override:
    """A maintainer's decision to release a candidate that the gate refused.

    Attributes:
        by: the maintainer's login.
    """

    by: str
    reason: str


def tell_refused(repository: Repository, candidate: Candidate) -> None:
    """Open or update the issue on a refused candidate; close it if the candidate may be released."""
    released = candidate.verdict.passed
    issue = REFUSED.find(repository)
    override = candidate.verdict.report.get("override")
    text = render("refused_issue", passed=released, override=override, results=summary_of(candidate))
    if not released:
        decided = _override_in(repository, issue, candidate.key)
        text = f"{text}\n\n{_last_line(repository, candidate.key, decided)}"
    REFUSED.tell(repository, issue, text, needed=not released)


def withdraw_refused(repository: Repository) -> None:
    """Close the issue, because the newest release is what main asks for."""
    issue = REFUSED.find(repository)
    if issue is not None and issue.state == "open":
        REFUSED.tell(repository, issue, render("refused_issue", passed=None), needed=False)


def override(repository: Repository, given: Override) -> str:
    """Record in the issue that the refused candidate is to be released.

    Returns:
        The candidate's key; "" if no candidate is refused now.
    """
    issue = REFUSED.find(repository)
    if issue is None or issue.state != "open":
        return ""
    body, _, last = issue.body.rpartition("\n")
    found = _LINE.fullmatch(last)
    key = found[1] if found else ""
    if found is None or last != _signed(repository, key, found[2]):
        return ""
    issue.edit(body=f"{body}\n{_last_line(repository, key, given)}")
    return key


def override_of(repository: Repository, key: str) -> Override | None:
    """Return the maintainers' decision to release the refused candidate with a key; None if there is none."""
    issue = REFUSED.find(repository)
    return _override_in(repository, issue if issue and issue.state == "open" else None, key)


def _override_in(repository: Repository, issue: Issue | None, key: str) -> Override | None:
    last = (issue.body or "").rpartition("\n")[2] if issue else ""
    found = _LINE.fullmatch(last)
    if not found or not found[2] or found[1] != key or last != _signed(repository, key, found[2]):
        return None
    return Override(**json.loads(base64.urlsafe_b64decode(found[2])))


def _last_line(repository: Repository, key: str, given: Override | None) -> str:
    """Return the issue's last line, which is signed: it decides whether a refused candidate is released."""
    text = base64.urlsafe_b64encode(json.dumps(asdict(given)).encode()).decode() if given else ""
    return _signed(repository, key, text)


def _signed(repository: Repository, key: str, text: str) -> str:
    signature = sign("candidate", repository.full_name.casefold(), key, text)
    return f"<!-- arborist:candidate {key} {text} | {signature} -->"
