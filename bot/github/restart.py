"""Restart a retraining that was cancelled before it finished."""

from github.Repository import Repository
from github.WorkflowRun import WorkflowRun

from bot.core.workflow_names import RETRAIN

EVENTS = ("push", "schedule", "workflow_dispatch")
"""Events that start a retraining; a pull request's own workflow with the same file name does not count."""
RESTARTS = 3
"""How often a retraining of the same commit is restarted."""


def retrainings(repository: Repository) -> list[WorkflowRun]:
    """Return the recent retrainings of the default branch, the newest first."""
    workflow = repository.get_workflow(RETRAIN)
    runs = [
        run
        for event in EVENTS
        for run in workflow.get_runs(branch=repository.default_branch, event=event).get_page(0)
    ]
    return sorted(runs, key=lambda run: run.id, reverse=True)


def restart_retraining(repository: Repository) -> list[str]:
    """Restart the newest retraining if it was cancelled; at most a few times for the same commit.

    Any workflow of the repository, including a pull request's own, can name the same concurrency group and
    thereby cancel a run. If the newest release already matches the default branch, the retraining ends at
    once. To stop releases, disable the workflow.

    Returns:
        What was done: at most one line.
    """
    runs = retrainings(repository)
    if not runs or any(run.status != "completed" for run in runs) or runs[0].conclusion != "cancelled":
        return []
    if repository.get_workflow(RETRAIN).state != "active":
        return []
    sha = runs[0].head_sha
    cancelled = [run for run in runs if run.head_sha == sha and run.conclusion == "cancelled"]
    if len(cancelled) > RESTARTS:
        return [
            f"retrain: cancelled {len(cancelled)} times at {sha[:7]}; to start it, use `/arborist retrain`"
        ]
    workflow = repository.get_workflow(RETRAIN)
    if not workflow.create_dispatch(repository.default_branch):
        return [f"retrain: cancelled at {sha[:7]}; GitHub refused to restart it"]
    return [f"retrain: cancelled at {sha[:7]}, and started again"]
