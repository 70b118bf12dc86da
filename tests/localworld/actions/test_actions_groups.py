"""A concurrency group's name is one for the whole repository: workflows, jobs, events and forks share it."""

from github.Repository import Repository
from github.WorkflowRun import WorkflowRun

from tests.helpers.local_actions import Lab, steps

DISPATCH = "on: {workflow_dispatch: {inputs: {cancels: {default: 'false'}}}}\n"
SLOW = "echo up; sleep 2"


def go(repository: Repository, name: str, **inputs: str) -> None:
    assert repository.get_workflow(f"{name}.yml").create_dispatch("main", inputs)


def newest(repository: Repository, name: str) -> WorkflowRun:
    return next(run for run in repository.get_workflow_runs() if run.name == name)


def conclusions(repository: Repository) -> dict[str, str]:
    return {run.name: run.conclusion for run in repository.get_workflow_runs()}


def span(run: WorkflowRun) -> tuple[str, str]:
    """When the job of a run did its first step, and when it ended."""
    (job,) = run.jobs()
    step = next(step for step in job.steps if step.name.startswith("Run "))
    return str(step.started_at), str(job.completed_at)


def test_a_jobs_group_and_another_workflows_group_exclude_each_other(lab: Lab) -> None:
    whole = f"{DISPATCH}concurrency: gpu\njobs:\n{steps(SLOW)}"
    repository = lab.repository(whole=whole, part=f"{DISPATCH}jobs:\n{steps(SLOW, concurrency='GPU')}")
    for first, second in (("whole", "part"), ("part", "whole")):
        go(repository, first)
        lab.wait_output("up")
        go(repository, second)
        lab.idle()
        assert span(newest(repository, second))[0] >= span(newest(repository, first))[1]
    assert conclusions(repository) == {"whole": "success", "part": "success"}


def test_what_waits_is_replaced_by_what_another_workflow_brings(lab: Lab) -> None:
    group = f"{DISPATCH}concurrency: one\njobs:\n{steps(SLOW)}"
    repository = lab.repository(first=group, second=group, third=group)
    go(repository, "first")
    lab.wait_output("up")
    go(repository, "second")
    go(repository, "third")
    lab.idle()
    assert conclusions(repository) == {"first": "success", "second": "cancelled", "third": "success"}


def test_a_job_cancels_in_progress_where_its_expression_says_so(lab: Lab) -> None:
    group = "{group: one, cancel-in-progress: \"${{ inputs.cancels == 'true' }}\"}"
    repository = lab.repository(
        long=f"{DISPATCH}jobs:\n{steps('echo up; sleep 60', concurrency='one')}",
        short=f"{DISPATCH}jobs:\n{steps('echo went', concurrency=group)}",
    )
    go(repository, "long")
    lab.wait_output("up")
    go(repository, "short")
    lab.wait(repository, "in_progress", 2)
    go(repository, "short", cancels="true")
    lab.idle()
    runs = [(run.name, run.conclusion) for run in repository.get_workflow_runs()]
    assert runs == [("short", "success"), ("short", "cancelled"), ("long", "cancelled")]


def test_a_stranger_who_was_approved_cancels_mains_run_by_its_groups_name(lab: Lab) -> None:
    """As on GitHub: what must not be cancelled so has to be started again by somebody."""
    retrain = f"on: push\nconcurrency: retrain\njobs:\n{steps('echo training; sleep 60')}"
    repository = lab.repository(retrain=retrain)
    repository.create_file("leaf.txt", "A merge", "x\n")
    lab.wait_output("training")
    group = "{group: Retrain, cancel-in-progress: true}"
    own = f"name: own\non: pull_request\njobs:\n{steps('echo mine', concurrency=group)}"
    lab.fork_pull(repository, {".github/workflows/own.yml": own})
    lab.idle()
    assert conclusions(repository) == {"retrain": "cancelled", "own": "success"}


def test_groups_of_another_repository_are_others(lab: Lab) -> None:
    group = f"{DISPATCH}concurrency: {{group: one, cancel-in-progress: true}}\njobs:\n{steps(SLOW)}"
    repositories = lab.repository(work=group), lab.repository(work=group)
    for repository in repositories:
        go(repository, "work")
    lab.idle()
    assert [conclusions(repository) for repository in repositories] == [{"work": "success"}] * 2


CALLED = f"on: workflow_call\nconcurrency: '${{{{ github.workflow }}}}'\njobs:\n{steps('echo called')}"
CALLS = "on: workflow_dispatch\n%sjobs: {call: {uses: ./.github/workflows/called.yml}}\n"


def test_in_a_called_workflow_github_workflow_is_the_callers(lab: Lab) -> None:
    """So a called workflow whose group has that name is in a deadlock with a caller that has it, too."""
    group = "concurrency: '${{ github.workflow }}'\n"
    repository = lab.repository(called=CALLED, alone=CALLS % "", both=CALLS % group)
    go(repository, "alone")
    go(repository, "both")
    lab.idle()
    assert conclusions(repository) == {"alone": "success", "both": "failure"}
    assert "a deadlock" in lab.log(newest(repository, "both"))
