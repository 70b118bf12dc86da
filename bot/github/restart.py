"""Start a retraining again that was cancelled before it did its work."""

from github.Repository import Repository
from github.WorkflowRun import WorkflowRun

WORKFLOW = "retrain.yml"
EVENTS = ("push", "schedule", "workflow_dispatch")
"""What starts a retraining; a pull request's own workflow of the same name does not count."""
RESTARTS = 3
"""How often a retraining of a commit is started again."""


def retrainings(repository: Repository) -> list[WorkflowRun]:
    """The newest retrainings of the default branch, the newest first."""
    workflow = repository.get_workflow(WORKFLOW)
    runs = [
        run
        for event in EVENTS
        for run in workflow.get_runs(branch=repository.default_branch, event=event).get_page(0)
    ]
    return sorted(runs, key=lambda run: run.id, reverse=True)


def restart_retraining(repository: Repository) -> list[str]:
    """Start the newest retraining again if it was cancelled, by whomever; at most a few times for a commit.

    Any workflow of a repository, a pull request's included, may name the same concurrency group and so cancel
    a run. Where the release is what the default branch asks for, the retraining ends at once. To stop
    releases, disable the workflow.

    Returns:
        What was done, in at most one line.
    """
    runs = retrainings(repository)
    if not runs or any(run.status != "completed" for run in runs) or runs[0].conclusion != "cancelled":
        return []
    if repository.get_workflow(WORKFLOW).state != "active":
        return []
    sha = runs[0].head_sha
    cancelled = [run for run in runs if run.head_sha == sha and run.conclusion == "cancelled"]
    if len(cancelled) > RESTARTS:
        return [f"retrain: cancelled {len(cancelled)} times at {sha[:7]}; start it by `/arborist retrain`"]
    workflow = repository.get_workflow(WORKFLOW)
    if not workflow.create_dispatch(repository.default_branch):
        return [f"retrain: cancelled at {sha[:7]}; GitHub refused to start it again"]
    return [f"retrain: cancelled at {sha[:7]}, and started again"]
