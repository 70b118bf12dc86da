"""Report a candidate that the gate refused, to the maintainers: in one issue of the repository."""

from github.Repository import Repository

from bot.github.one_issue import OneIssue
from bot.github.render import render
from bot.github.results import summary_of
from bot.pipeline.candidate import Candidate

REFUSED = OneIssue("refused", "The gate refused a release")


def tell_refused(repository: Repository, candidate: Candidate) -> None:
    """Open or update the issue on a refused candidate; close it if the candidate passed."""
    passed = candidate.verdict.passed
    text = render("refused_issue", passed=passed, results=summary_of(candidate))
    REFUSED.tell(repository, REFUSED.find(repository), text, needed=not passed)


def withdraw_refused(repository: Repository) -> None:
    """Close the issue, because the newest release is what main asks for."""
    issue = REFUSED.find(repository)
    if issue is not None and issue.state == "open":
        REFUSED.tell(repository, issue, render("refused_issue", passed=None), needed=False)
