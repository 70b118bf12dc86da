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
SHOWN = 12
"""How many digits of a release's key the issue states, and the command must repeat."""
_LINE = re.compile(r"<!-- arborist:refused-release ([0-9a-f]{64}/[\w.]*) ([\w=-]*) \| [0-9a-f]+ -->")


@dataclass(frozen=True)
class Override:
    """A maintainer's decision to release what the gate refused.

    Attributes:
        by: the maintainer's login.
    """

    by: str
    reason: str


def tell_refused(repository: Repository, candidate: Candidate) -> None:
    """Open or update the issue on a candidate that the gate refused.

    The issue stays open, with a maintainer's decision in it, until a release is published.
    """
    issue, about = REFUSED.find(repository), _about(candidate)
    shown = about.partition("/")[0][:SHOWN]
    text = render("refused_issue", results=summary_of(candidate), key=shown)
    line = _last_line(repository, about, _override_in(repository, issue, about))
    REFUSED.tell(repository, issue, f"{text}\n\n{line}", needed=True)


def withdraw_refused(repository: Repository, newest: str = "") -> None:
    """Close the issue, because the newest release is what main asks for.

    Args:
        newest: the tag of the newest release: if the refused candidate was compared with it, the issue stays
            open. "" to close it in any case.
    """
    issue = REFUSED.find(repository)
    found = _line_of(repository, issue)
    if newest and found and found[1].endswith(f"/{newest}"):
        return
    if issue is not None and issue.state == "open":
        REFUSED.tell(repository, issue, render("refused_issue", results="", key=""), needed=False)


def override(repository: Repository, key: str, given: Override) -> bool:
    """Record in the issue that the refused release is to be published all the same.

    Args:
        key: the beginning of the release's key, as the issue states it.

    Returns:
        Whether it is this release that is refused now.
    """
    issue = REFUSED.find(repository)
    found = _line_of(repository, issue)
    if issue is None or found is None or len(key) < SHOWN or not found[1].startswith(key):
        return False
    body = issue.body.rpartition("\n")[0]
    issue.edit(body=f"{body}\n{_last_line(repository, found[1], given)}")
    return True


def override_of(repository: Repository, candidate: Candidate) -> Override | None:
    """Return the maintainers' decision to release what a candidate is of; None if there is none.

    The decision is on the release's key and the release that it was compared with. So it still counts if the
    candidate is made anew because something else on main has changed.
    """
    return _override_in(repository, REFUSED.find(repository), _about(candidate))


def _about(candidate: Candidate) -> str:
    return f"{candidate.manifest['key']}/{candidate.previous}"


def _override_in(repository: Repository, issue: Issue | None, about: str) -> Override | None:
    found = _line_of(repository, issue)
    if found is None or not found[2] or found[1] != about:
        return None
    return Override(**json.loads(base64.urlsafe_b64decode(found[2])))


def _line_of(repository: Repository, issue: Issue | None) -> re.Match[str] | None:
    """Return what the last line of the open issue states, if the bot has written it."""
    last = (issue.body or "").rpartition("\n")[2] if issue and issue.state == "open" else ""
    found = _LINE.fullmatch(last)
    return found if found and last == _signed(repository, found[1], found[2]) else None


def _last_line(repository: Repository, about: str, given: Override | None) -> str:
    """Return the issue's last line, which is signed: it decides whether a refused release is published."""
    text = base64.urlsafe_b64encode(json.dumps(asdict(given)).encode()).decode() if given else ""
    return _signed(repository, about, text)


def _signed(repository: Repository, about: str, text: str) -> str:
    signature = sign("refused release", repository.full_name.casefold(), about, text)
    return f"<!-- arborist:refused-release {about} {text} | {signature} -->"
