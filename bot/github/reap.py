"""The reaper: what nobody ended is ended, what nobody told is told. Run it as often as you like."""

from datetime import UTC, datetime, timedelta

from github.GithubException import UnknownObjectException
from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.github.checks import LINT, find_check
from bot.github.work import COMMANDS, Work, check_name, fail

GRACE = timedelta(minutes=10)
"""How long a report may take after lint has ended."""


def reap(repository: Repository) -> list[str]:
    """Look at every open pull request.

    Returns:
        What was done, a line each.
    """
    done = []
    for pull in repository.get_pulls(state="open"):
        done += [line for one in COMMANDS if (line := _end_lost_work(repository, pull, one))]
        if line := _lint_again(repository, pull):
            done.append(line)
    return done


def _end_lost_work(repository: Repository, pull: PullRequest, command: str) -> str | None:
    """Finish the check of work whose run has ended without doing it: the runner died, or was shut down."""
    sha = pull.head.sha
    check = find_check(repository, check_name(command), sha)
    work = Work.read(check.external_id) if check is not None else None
    if check is None or work is None or check.status == "completed" or _goes(repository, work.run):
        return None
    reason = "the runner that did it has ended without a word"
    mend = "`/arborist retry` does it again."
    fail(repository, pull, sha, work.command, reason, mend, "the runner died")
    return f"pull request {pull.number}: {work.check} at {sha[:7]} was lost, and is told so"


def _goes(repository: Repository, run: int) -> bool:
    try:
        return repository.get_workflow_run(run).status != "completed"
    except UnknownObjectException:
        return False


def _lint_again(repository: Repository, pull: PullRequest) -> str | None:
    """Run lint again where it has ended long ago and was never reported."""
    sha = pull.head.sha
    if find_check(repository, LINT, sha) is not None:
        return None
    run = next(iter(repository.get_workflow("lint.yml").get_runs(head_sha=sha)), None)
    if run is None or run.status != "completed" or datetime.now(UTC) - run.updated_at < GRACE:
        return None
    if run.conclusion not in ("success", "failure"):
        return None  # cancelled by a later push, or waiting for a maintainer's approval
    run.rerun()
    return f"pull request {pull.number}: lint of {sha[:7]} was never reported, and runs again"
