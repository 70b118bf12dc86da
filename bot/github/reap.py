"""The reaper: end what nobody ended, report what nobody reported. Run it as often as you like.

A pass takes the same few requests however many pull requests are open, and a few more for each thing it does.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from github.GithubException import UnknownObjectException
from github.Repository import Repository
from github.WorkflowRun import WorkflowRun

from bot.github.checks import find_check, lint_check, report_check
from bot.github.comment import update_comment
from bot.github.overview import OpenPull, open_pulls
from bot.github.relint import WORKFLOW, start_lint
from bot.github.restart import restart_retraining
from bot.github.work import COMMANDS, Work, check_name, fail

GRACE = timedelta(minutes=10)
"""How long a report may take after lint has ended."""
RERUN_WITHIN = timedelta(days=30)
"""GitHub runs nothing again that is older."""
ATTEMPTS = 3
"""How often lint of a commit is run before the reaper gives up."""
RELINTED_FOR = timedelta(hours=2)
"""How long a verdict against an old base is replaced."""
AT_ONCE = 20
"""How many things of a kind are done in a pass; the next pass does the rest."""
RUNS_READ = 100
"""The newest runs of lint that are read."""
ACTIVE = ("requested", "pending", "waiting", "queued", "in_progress")


def reap(repository: Repository) -> list[str]:
    """Do what was left undone on the open pull requests and on the default branch.

    Returns:
        What was done, a line each.
    """
    pulls = open_pulls(repository)
    tasks = (_end_lost_work, _report_lost_lint, _replace_stale_lint)
    done = [line for task in tasks for line in islice(task(repository, pulls), AT_ONCE)]
    return [*done, *restart_retraining(repository)]


def _end_lost_work(repository: Repository, pulls: list[OpenPull]) -> Iterator[str]:
    """Finish the checks of work whose run has ended without doing it: the runner died, or was shut down."""
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
        # A run that has just begun to wait for something else may be in none of the lists.
        if work.run in active or _goes(repository, work.run):
            continue
        reason = "the runner that did it has ended without a word"
        fix = "`/arborist retry` does it again."
        told = repository.get_pull(pull.number)
        fail(repository, told, pull.head, work.command, reason, fix, "the runner died")
        yield f"pull request {pull.number}: {work.check} at {pull.head[:7]} was lost, and is told so"


def _active_runs(repository: Repository) -> set[int]:
    return {run.id for status in ACTIVE for run in repository.get_workflow_runs(status=status)}


def _goes(repository: Repository, run: int) -> bool:
    try:
        return repository.get_workflow_run(run).status != "completed"
    except UnknownObjectException:
        return False


def _report_lost_lint(repository: Repository, pulls: list[OpenPull]) -> Iterator[str]:
    """Run lint again where it ended long ago and was never reported, a few times; then say so."""
    lost = [pull for pull in pulls if lint_check(pull.base_ref, repository.default_branch) not in pull.checks]
    if not lost:
        return
    listed = repository.get_workflow(WORKFLOW).get_runs(event="pull_request")
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
    """Whether a run of lint should have been reported by now, and can be run again."""
    now = datetime.now(UTC)
    # A run that waits for a maintainer's approval is completed, too.
    ended = run.status == "completed" and run.conclusion in ("success", "failure", "cancelled", "timed_out")
    return ended and now - run.updated_at > GRACE and now - run.created_at < RERUN_WITHIN


def _give_up(repository: Repository, pull: OpenPull, run: WorkflowRun) -> bool:
    """Say on a pull request that its lint does not come to a report; returns whether it was said now."""
    told = repository.get_pull(pull.number)
    name = lint_check(told.base.ref, repository.default_branch)
    if told.head.sha != pull.head or find_check(repository, name, pull.head) is not None:
        return False
    title = f"ran {run.run_attempt} times without a report"
    text = (
        f"### 🔍 No lint of `{pull.head[:7]}`\n\n"
        f"Lint {title}; [its last run]({run.html_url}) shows why. `/arborist lint` runs it again."
    )
    posted = update_comment(told, {"lint": text})
    report_check(repository, name, pull.head, "failure", title, posted.url, note={"pull": pull.number})
    return True


def _replace_stale_lint(repository: Repository, pulls: list[OpenPull]) -> Iterator[str]:
    """Start lint where the last verdict was against a base that had changed meanwhile."""
    for pull in pulls:
        check = pull.checks.get(lint_check(pull.base_ref, repository.default_branch))
        if check is None or not check.note.get("stale") or check.completed_at is None:
            continue
        if datetime.now(UTC) - check.completed_at < RELINTED_FOR:
            start_lint(repository, repository.get_pull(pull.number))
            yield f"pull request {pull.number}: {pull.base_ref} has changed; {pull.head[:7]} is linted again"
