"""Jobs of an environment: its rules hold before they begin, and its secrets reach no other job."""

import time
from typing import Any

import pytest
from github.EnvironmentDeploymentBranchPolicy import EnvironmentDeploymentBranchPolicyParams
from github.EnvironmentProtectionRuleReviewer import ReviewerParams
from github.GithubException import GithubException
from github.Repository import Repository
from github.WorkflowRun import WorkflowRun

from tests.helpers.local_actions import Lab, only, steps

ON = "on: {workflow_dispatch: {}, workflow_call: {}}\n"
RELEASE = ON + "jobs:\n" + steps("echo deployed", environment="release")
PROTECTED = EnvironmentDeploymentBranchPolicyParams(protected_branches=True, custom_branch_policies=False)
SELECTED = EnvironmentDeploymentBranchPolicyParams(protected_branches=False, custom_branch_policies=True)


def go(repository: Repository, ref: str = "main") -> None:
    """Dispatch the workflow `work`."""
    assert repository.get_workflow("work.yml").create_dispatch(ref)


def done(lab: Lab, repository: Repository, ref: str = "main") -> WorkflowRun:
    """A run of the workflow `work` that has ended."""
    go(repository, ref)
    lab.idle()
    return repository.get_workflow_runs()[0]


def ask(lab: Lab, run: WorkflowRun, method: str, path: str, login: str = "maintainer", **body: Any) -> Any:
    """A request about a run, as somebody."""
    requester = lab.client(login).requester
    return requester.requestJsonAndCheck(method, f"{run.url}/{path}", input=body or None)[1]


def review(lab: Lab, run: WorkflowRun, state: str, login: str = "maintainer") -> Any:
    """Review everything that a run waits for, as somebody."""
    pending = ask(lab, run, "GET", "pending_deployments", login)
    ids = [one["environment"]["id"] for one in pending]
    return ask(
        lab, run, "POST", "pending_deployments", login, environment_ids=ids, state=state, comment="Looked at."
    )


def reviewer(lab: Lab, login: str = "maintainer") -> list[ReviewerParams]:
    user = lab.github.user(login)
    assert user
    return [ReviewerParams("User", user["id"])]


def protect(repository: Repository, branch: str = "main") -> None:
    stated = {
        "required_status_checks": None,
        "required_pull_request_reviews": None,
        "enforce_admins": False,
        "restrictions": None,
    }
    url = f"{repository.url}/branches/{branch}/protection"
    repository.requester.requestJsonAndCheck("PUT", url, input=stated)


def test_an_environment_that_is_named_and_not_there_is_created_without_rules(lab: Lab) -> None:
    repository = lab.repository(work=RELEASE)
    assert done(lab, repository).conclusion == "success"
    (made,) = repository.get_environments()
    assert (made.name, made.protection_rules, made.deployment_branch_policy) == ("release", [], None)


def test_a_job_waits_until_a_required_reviewer_approves(lab: Lab) -> None:
    repository = lab.repository(work=RELEASE)
    repository.create_environment("release", reviewers=reviewer(lab))
    go(repository)
    run = only(lab.wait(repository, "waiting"))
    (pending,) = ask(lab, run, "GET", "pending_deployments")
    assert (pending["environment"]["name"], pending["current_user_can_approve"]) == ("release", True)
    assert [one["reviewer"]["login"] for one in pending["reviewers"]] == ["maintainer"]
    (job,) = run.jobs()
    assert (job.status, job.conclusion) == ("waiting", None)
    (deployment,) = review(lab, run, "approved")
    assert deployment["environment"] == "release"
    lab.idle()
    assert repository.get_workflow_run(run.id).conclusion == "success"
    assert "deployed" in lab.log(run)
    assert ask(lab, run, "GET", "pending_deployments") == []
    (approval,) = ask(lab, run, "GET", "approvals")
    assert (approval["state"], approval["user"]["login"]) == ("approved", "maintainer")


def test_a_job_that_is_rejected_fails_and_runs_no_step(lab: Lab) -> None:
    jobs = """\
  work:
    runs-on: ubuntu-latest
    environment: {name: "${{ github.ref_name }}-release"}
    steps: [{run: echo deployed}, {if: always(), run: echo cleaned}, {if: "${{ failure() }}", run: echo told}]
  other:
    runs-on: ubuntu-latest
    steps: [{run: echo other}]
"""
    repository = lab.repository(work=f"{ON}jobs:\n{jobs}")
    repository.create_environment("main-release", reviewers=reviewer(lab))
    go(repository)
    run = only(lab.wait(repository, "waiting"))
    review(lab, run, "rejected")
    lab.idle()
    assert lab.results(repository.get_workflow_run(run.id)) == {"work": "failure", "other": "success"}
    log = lab.log(run)
    assert "The deployment was rejected or didn't satisfy other protection rules." in log
    assert not {"deployed", "cleaned", "told"} & set(log.splitlines())


def test_only_a_required_reviewer_may_approve_and_not_a_run_of_their_own_where_that_is_prevented(
    lab: Lab,
) -> None:
    repository = lab.repository(work=RELEASE)
    lab.github.add_collaborator(repository.full_name, "contributor", "write")
    repository.create_environment("release", reviewers=reviewer(lab), prevent_self_review=True)
    go(repository)
    run = only(lab.wait(repository, "waiting"))
    for login in ("contributor", "maintainer"):
        with pytest.raises(GithubException) as refused:
            review(lab, run, "approved", login)
        assert refused.value.status == 422
    repository.create_environment("release", reviewers=reviewer(lab, "contributor"))
    assert run.cancel()
    lab.idle()
    go(repository)
    review(lab, lab.wait(repository, "waiting")[0], "approved", "contributor")
    lab.idle()
    assert repository.get_workflow_runs()[0].conclusion == "success"


def test_a_waiting_run_takes_no_runner_from_others(lab: Lab) -> None:
    repository = lab.repository(work=RELEASE, other=ON + "jobs:\n" + steps("echo other"))
    repository.create_environment("release", reviewers=reviewer(lab))
    for _ in range(3):
        go(repository)
    waiting = lab.wait(repository, "waiting", 3)
    assert repository.get_workflow("other.yml").create_dispatch("main")
    assert only(lab.wait(repository, "completed")).name == "other"
    for run in waiting:
        assert run.cancel()
    lab.idle()
    assert {run.conclusion for run in repository.get_workflow("work.yml").get_runs()} == {"cancelled"}


def test_a_wait_timer_delays_a_job(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = lab.repository(work=RELEASE)
    repository.create_environment("release", wait_timer=1)
    go(repository)
    run = only(lab.wait(repository, "waiting"))
    (pending,) = ask(lab, run, "GET", "pending_deployments")
    assert (pending["wait_timer"], pending["reviewers"]) == (1, [])
    assert pending["wait_timer_started_at"]
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 61))
    monkeypatch.setattr("localworld.actions.deployments.now", lambda: later)
    lab.idle()
    assert repository.get_workflow_run(run.id).conclusion == "success"


def test_a_branch_that_the_policy_does_not_allow_fails_the_job_in_githubs_words(lab: Lab) -> None:
    repository = lab.repository(work=RELEASE)
    lab.change(repository, "other", {})
    repository.create_environment("release", deployment_branch_policy=PROTECTED)
    # As GitHub documents it, every branch may deploy where none is protected.
    assert done(lab, repository, "other").conclusion == "success"
    protect(repository)
    assert done(lab, repository).conclusion == "success"
    refused = done(lab, repository, "other")
    assert refused.conclusion == "failure"
    said = 'Branch "other" is not allowed to deploy to release due to environment protection rules.'
    assert f"##[error]{said}" in lab.log(refused)
    assert "deployed" not in lab.log(refused)


@pytest.mark.parametrize(
    ("pattern", "branch", "allowed"),
    [("release/*", "release/one", True), ("release/*", "release/one/two", False), ("main", "main2", False)],
)
def test_branches_are_selected_by_name(lab: Lab, pattern: str, branch: str, allowed: bool) -> None:
    repository = lab.repository(work=RELEASE)
    lab.change(repository, branch, {})
    environment = repository.create_environment("release", deployment_branch_policy=SELECTED)
    url = f"{environment.url}/deployment-branch-policies"
    repository.requester.requestJsonAndCheck("POST", url, input={"name": pattern})
    assert done(lab, repository, branch).conclusion == ("success" if allowed else "failure")


def test_a_pull_request_does_not_deploy_to_an_environment_of_protected_branches(lab: Lab) -> None:
    work = "on: [pull_request]\njobs:\n" + steps("echo deployed", environment="release")
    repository = lab.repository(work=work)
    protect(repository)
    repository.create_environment("release", deployment_branch_policy=PROTECTED)
    lab.pull(repository, {"new.txt": "new"})
    lab.idle()
    run = only(repository.get_workflow_runs())
    assert 'Branch "refs/pull/1/merge" is not allowed to deploy to release' in lab.log(run)


SECRET_JOBS = """\
  before:
    runs-on: ubuntu-latest
    env: {HELD: "${{ secrets.TOKEN }}${{ vars.PLACE }}"}
    steps: [{run: 'echo "before $HELD" | rev'}]
  release:
    needs: before
    runs-on: ubuntu-latest
    environment: release
    outputs: {place: "${{ vars.PLACE }}"}
    env: {HELD: "${{ secrets.TOKEN }}", ONLY: "${{ secrets['only'] }}"}
    steps:
      - run: 'echo "release $HELD $ONLY $SHARED ${{ vars.PLACE }}" | rev'
        env: {SHARED: "${{ secrets.SHARED || 'secrets.TOKEN' }}"}
      - run: 'echo "${{ secrets.ONLY }}"'
  after:
    needs: release
    runs-on: ubuntu-latest
    steps:
      - run: 'echo "after ${{ secrets.ONLY }}${{ secrets.TOKEN }} ${{ needs.release.outputs.place }}" | rev'
"""


def test_secrets_and_variables_of_an_environment_reach_its_jobs_alone_and_before_the_repositorys(
    lab: Lab,
) -> None:
    repository = lab.repository(work=f"{ON}jobs:\n{SECRET_JOBS}")
    environment = repository.create_environment("release")
    repository.create_secret("TOKEN", "repository-token")
    repository.create_secret("SHARED", "shared-by-all")
    repository.create_variable("PLACE", "here")
    environment.create_secret("TOKEN", "environment-token")
    environment.create_secret("ONLY", "only-there\nin two lines")
    environment.create_variable("PLACE", "there")
    run = done(lab, repository)
    log = lab.log(run)
    assert run.conclusion == "success", lab.page(run)
    # Printed backwards, since secrets are masked as they are.
    assert "erehnekot-yrotisoper erofeb" in log
    assert "nekot-tnemnorivne esaeler" in log
    assert "ereht-ylno" in log
    assert "ereht lla-yb-derahs senil owt ni" in log
    assert "ereht nekot-yrotisoper retfa" in log
    assert "only-there" not in log
    assert "***" in log


def test_secrets_of_an_environment_are_out_of_reach_before_the_approval(lab: Lab) -> None:
    repository = lab.repository(work=f"{ON}jobs:\n{SECRET_JOBS}")
    environment = repository.create_environment("release", reviewers=reviewer(lab))
    environment.create_secret("ONLY", "only-there")
    go(repository)
    run = only(lab.wait(repository, "waiting"))
    folder = lab.actions._dispatcher.folder(run.id, 1)
    held = [path for path in folder.rglob("*") if path.is_file() and b"only-there" in path.read_bytes()]
    assert held == []
    assert run.cancel()
    lab.idle()


def test_a_called_workflows_job_takes_the_environments_secret_of_the_calling_repository(lab: Lab) -> None:
    called = """\
on: {workflow_call: {secrets: {TOKEN: {required: false}}}}
jobs:
  inner:
    runs-on: ubuntu-latest
    environment: release
    steps: [{run: 'echo "inner ${{ secrets.TOKEN }}" | rev'}]
"""
    calls = f"{ON}jobs:\n  call:\n    uses: ./.github/workflows/called.yml\n    secrets: inherit\n"
    repository = lab.repository(work=calls, called=called)
    repository.create_secret("TOKEN", "repository-token")
    assert "nekot-yrotisoper renni" in lab.log(done(lab, repository))
    repository.get_environment("release").create_secret("TOKEN", "environment-token")
    assert "nekot-tnemnorivne renni" in lab.log(done(lab, repository))


def test_a_fork_gets_no_secret_of_an_environment(lab: Lab) -> None:
    work = "on: [pull_request]\njobs:\n" + steps(
        'echo "held ${{ secrets.TOKEN }}${{ vars.PLACE }}" | rev', environment="release"
    )
    repository = lab.repository(work=work)
    environment = repository.create_environment("release")
    environment.create_secret("TOKEN", "environment-token")
    environment.create_variable("PLACE", "there")
    lab.fork_pull(repository, {"new.txt": "new"})
    lab.idle()
    log = lab.log(only(repository.get_workflow_runs()))
    assert "ereht dleh" in log
    assert "nekot" not in log


def test_all_secrets_at_once_are_refused_in_a_job_of_an_environment(lab: Lab) -> None:
    repository = lab.repository(
        work=ON + "jobs:\n" + steps("echo '${{ toJSON(secrets) }}'", environment="release")
    )
    run = done(lab, repository)
    assert run.conclusion == "failure"
    assert "must name each secret and variable that it reads" in lab.log(run)
