"""The reaper: clean up after jobs that died or never reported. It can be run at any time, and repeatedly.

A pass needs a few requests, however many pull requests are open, and a few more for each thing that it does.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from github.GithubException import UnknownObjectException
from github.Repository import Repository
from github.WorkflowRun import WorkflowRun

from bot.github.checks import CheckReport, find_check, lint_check, report_check
from bot.github.comment import update_comment
from bot.github.gpu_work import COMMANDS, Failure, Work, check_name, fail
from bot.github.open_pulls import OpenPull, open_pulls
from bot.github.relint import WORKFLOW, start_lint
from bot.github.restart import restart_retraining

GRACE = timedelta(minutes=10)
"""How long after the end of lint a report may arrive."""
RERUN_WITHIN = timedelta(days=30)
"""GitHub does not re-run workflow runs that are older."""
ATTEMPTS = 3
"""How often lint of a commit is run before the reaper gives up on it."""
RELINTED_FOR = timedelta(hours=2)
"""For how long after its report a lint result against an outdated base is replaced."""
AT_ONCE = 20
"""How many items each task handles in a pass; the next pass handles the rest."""
RUNS_READ = 100
"""How many of the newest lint runs are read."""
ACTIVE = ("requested", "pending", "waiting", "queued", "in_progress")


def reap(repository: Repository, prefix: str = "") -> list[str]:
    """Finish what was left unfinished on the open pull requests and on the default branch.

    Args:
        prefix: the text before the names of the workflow files.

    Returns:
        What was done, one line each.
    """
    pulls = open_pulls(repository)
    tasks = (
        _end_lost_work(repository, pulls),
        _report_lost_lint(repository, pulls, prefix),
        _replace_stale_lint(repository, pulls, prefix),
    )
    done = [line for task in tasks for line in islice(task, AT_ONCE)]
    return [*done, *restart_retraining(repository)]


def _end_lost_work(repository: Repository, pulls: list[OpenPull]) -> Iterator[str]:
    """Complete the checks of work whose run ended without a result: the runner died, or was shut down."""
    waiting = [
        (pull, work)
        for pull in pulls
        for command in COMMANDS
        if (check := pull.checks.get(check_name(command))) is not None
        and not check.completed
        and (work := Work.read(check.note)) is not None
    ]
    active = _active_runs(repository) if waiting else set()
    for pull, work in waiting:
        # A run that changes its status while the lists are read may be missing from all of them.
        if work.run in active or _goes(repository, work.run):
            continue
        reason = "the runner ended without reporting a result"
        fix = "Comment `/arborist retry` to run it again."
        current = repository.get_pull(pull.number)
        fail(repository, current, pull.head, work.command, Failure(reason, fix, "the runner died"))
        yield f"pull request {pull.number}: {work.check} at {pull.head[:7]} was lost, which is reported now"


def _active_runs(repository: Repository) -> set[int]:
    return {run.id for status in ACTIVE for run in repository.get_workflow_runs(status=status)}


def _goes(repository: Repository, run: int) -> bool:
    try:
        return repository.get_workflow_run(run).status != "completed"
    except UnknownObjectException:
        return False


def _report_lost_lint(repository: Repository, pulls: list[OpenPull], prefix: str) -> Iterator[str]:
    """Re-run lint that ended some time ago and was never reported; after a few attempts, report a failure."""
    lost = [pull for pull in pulls if lint_check(pull.base_ref, repository.default_branch) not in pull.checks]
    if not lost:
        return
    listed = repository.get_workflow(f"{prefix}{WORKFLOW}").get_runs(event="pull_request")
    newest: dict[str, WorkflowRun] = {}
    for run in islice(listed, RUNS_READ):
        newest.setdefault(run.head_sha, run)
    for pull in lost:
        found = newest.get(pull.head)
        if found is None or not _is_due(found):
            continue
        if found.run_attempt < ATTEMPTS:
            found.rerun()
            yield f"pull request {pull.number}: lint of {pull.head[:7]} was never reported, and runs again"
        elif _give_up(repository, pull, found):
            yield f"pull request {pull.number}: lint of {pull.head[:7]} is given up"


def _is_due(run: WorkflowRun) -> bool:
    """Return whether a lint run should have been reported by now, and can be re-run."""
    now = datetime.now(UTC)
    # A run that waits for a maintainer's approval has the status `completed`, too.
    ended = run.status == "completed" and run.conclusion in ("success", "failure", "cancelled", "timed_out")
    return ended and now - run.updated_at > GRACE and now - run.created_at < RERUN_WITHIN


def _give_up(repository: Repository, pull: OpenPull, run: WorkflowRun) -> bool:
    """Report on a pull request that its lint was never reported; return whether this was still needed."""
    current = repository.get_pull(pull.number)
    name = lint_check(current.base.ref, repository.default_branch)
    if current.head.sha != pull.head or find_check(repository, name, pull.head) is not None:
        return False
    title = f"ran {run.run_attempt} times without a report"
    text = (
        f"### 🔍 No lint of `{pull.head[:7]}`\n\n"
        f"Lint {title}; [its last run]({run.html_url}) shows why. `/arborist lint` runs it again."
    )
    posted = update_comment(current, {"lint": text})
    note = {"pull": pull.number}
    report_check(repository, name, pull.head, CheckReport("failure", title, posted.url, note=note))
    return True


def _replace_stale_lint(repository: Repository, pulls: list[OpenPull], prefix: str) -> Iterator[str]:
    """Lint again where the last report was against a base that had changed by then."""
    for pull in pulls:
        check = pull.checks.get(lint_check(pull.base_ref, repository.default_branch))
        if check is None or not check.note.get("stale") or check.completed_at is None:
            continue
        if datetime.now(UTC) - check.completed_at < RELINTED_FOR:
            start_lint(repository, repository.get_pull(pull.number), prefix)
            yield f"pull request {pull.number}: {pull.base_ref} has changed; {pull.head[:7]} is linted again"
