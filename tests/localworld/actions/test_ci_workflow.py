"""ci.yml tests the code of a repository that asks for it, and disturbs no taxonomy."""

import pytest
from github.Repository import Repository

from tests import ROOT
from tests.helpers.local_actions import Lab

CI = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
MAKEFILE = "test core:\n\t@echo made $@\n"


@pytest.fixture
def repository(lab: Lab) -> Repository:
    return lab.repository({".github/workflows/ci.yml": CI, "Makefile": MAKEFILE})


def test_a_contribution_to_the_taxonomy_starts_nothing(lab: Lab, repository: Repository) -> None:
    repository.create_variable("ARBORIST_CI", "true")
    lab.pull(
        repository, {"taxonomy/knowledge/birds/qna.yaml": "version: 3\n", "arborist.yaml": "version: 1\n"}
    )
    lab.idle()
    assert list(repository.get_workflow_runs()) == []


@pytest.mark.parametrize("value", ["", "false"])
def test_where_the_variable_is_not_true_no_job_is_run(lab: Lab, repository: Repository, value: str) -> None:
    if value:
        repository.create_variable("ARBORIST_CI", value)
    lab.pull(repository, {"bot/new.py": "", "taxonomy/knowledge/birds/qna.yaml": "version: 3\n"})
    lab.idle()
    [run] = repository.get_workflow_runs()
    assert (run.name, run.event, run.conclusion) == ("ci", "pull_request", "skipped")


def test_where_it_is_true_everything_and_the_core_are_tested(lab: Lab, repository: Repository) -> None:
    repository.create_variable("ARBORIST_CI", "true")
    lab.pull(repository, {"bot/new.py": ""})
    lab.idle()
    [run] = repository.get_workflow_runs()
    said = lab.log(run)
    assert "made test" in said
    assert {job.name for job in run.jobs()} == {
        "test",
        *(f"core on Python {version}" for version in ("3.11", "3.12", "3.13")),
    }
    assert run.conclusion == "success"
