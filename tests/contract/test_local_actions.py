"""PyGithub's way through the local Actions: every request and every answer is as GitHub describes it.

What the tests do not say, the contract around the server does: each of them fails if it is violated.
"""

import json

import pytest
import requests
from github import GithubException

from tests.contract.webhooks import check_payload

REPOSITORY = "lab/taxonomy"


@pytest.fixture(scope="module")
def repository(lab):
    return lab.user("alice").get_repo(REPOSITORY)


@pytest.fixture(scope="module")
def run(lab, repository):
    """A run that failed, with what it said."""
    assert repository.get_workflow("lint.yml").create_dispatch("main", {"code": "1"})
    lab.actions.wait_idle(60)
    return repository.get_workflow_runs()[0]


def test_variables(repository):
    variable = repository.create_variable("STORE", "here")
    assert variable.edit("there")
    assert repository.get_variable("STORE").value == "there"
    assert [one.name for one in repository.get_variables()] == ["STORE"]
    assert repository.delete_variable("STORE")


def test_secrets_are_sealed_and_never_told(repository):
    repository.create_secret("HF_TOKEN", "hf_1")
    repository.create_secret("HF_TOKEN", "hf_2")
    assert [one.name for one in repository.get_secrets()] == ["HF_TOKEN"]
    assert repository.delete_secret("HF_TOKEN")


def test_an_environment_has_variables_and_secrets_of_its_own(repository):
    environment = repository.create_environment("release")
    variable = environment.create_variable("STORE", "there")
    assert variable.edit("elsewhere")
    assert environment.get_variable("STORE").value == "elsewhere"
    environment.create_secret("HF_TOKEN", "hf_1")
    assert environment.get_secret("HF_TOKEN").created_at
    assert [one.name for one in environment.get_secrets()] == ["HF_TOKEN"]
    assert list(repository.get_secrets()) == list(repository.get_variables()) == []
    assert environment.delete_secret("HF_TOKEN")
    repository.delete_environment("release")
    assert list(repository.create_environment("release").get_variables()) == []


def test_runners(repository):
    (runner,) = repository.get_self_hosted_runners()
    assert "gpu" in {label["name"] for label in runner.labels}


def test_workflows(repository):
    workflow = repository.get_workflow("lint.yml")
    assert [one.id for one in repository.get_workflows()] == [workflow.id]
    assert repository.get_workflow(workflow.id).path == ".github/workflows/lint.yml"


def test_a_dispatch_without_a_required_input_is_refused(repository):
    with pytest.raises(GithubException) as refused:
        repository.get_workflow("lint.yml").create_dispatch("main", throw=True)
    assert refused.value.status == 422


def test_a_run_its_jobs_and_their_log(lab, repository, run):
    assert (run.conclusion, run.event, run.head_branch) == ("failure", "workflow_dispatch", "main")
    assert repository.get_workflow_run(run.id).display_title == "The taxonomy"
    assert run.id in [one.id for one in repository.get_workflow("lint.yml").get_runs(status="failure")]
    (job,) = run.jobs()
    assert (job.name, job.conclusion) == ("look", "failure")
    assert "not good" in requests.get(repository.get_workflow_job(job.id).logs_url(), timeout=10).text
    (check,) = repository.get_commit("main").get_check_runs()
    assert [note.message for note in check.get_annotations()] == ["not good"]


def test_a_run_made_again_and_cancelled(lab, repository, run):
    assert not run.cancel()
    assert run.rerun()
    lab.actions.wait_idle(60)
    assert repository.get_workflow_run(run.id).run_attempt == 2


def test_artifacts(lab, repository, run):
    assert list(run.get_artifacts()) == []
    assert list(repository.get_artifacts(name="report")) == []


def test_the_payload_of_a_dispatch(lab, run):
    row = lab.github.db.one("SELECT trigger FROM workflow_runs WHERE id = ?", run.id)
    assert check_payload("workflow_dispatch", json.loads(row["trigger"])["payload"]) == []
