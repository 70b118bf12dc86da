"""`arborist doctor` and `arborist init` go by what GitHub enforces: what is there may protect nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from github.EnvironmentDeploymentBranchPolicy import EnvironmentDeploymentBranchPolicyParams
from github.EnvironmentProtectionRuleReviewer import ReviewerParams
from github.Repository import Repository

from bot.core.diagnosis import show
from bot.setup.doctor import check
from tests.helpers.loop import repository

BRANCHES = EnvironmentDeploymentBranchPolicyParams
Doctor = Callable[[], dict[str, str]]


@pytest.fixture(scope="module")
def here(handbook: dict[str, Any], init: Callable[[], str]) -> Repository:
    """The repository, set up, as its administrator sees it."""
    init()
    return repository(handbook, "maintainer")


@pytest.fixture
def lines(
    handbook: dict[str, Any],
    owners: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Doctor:
    """What `arborist doctor` prints for the administrator: its lines by their subjects."""
    monkeypatch.chdir(owners)
    monkeypatch.setenv("GITHUB_API_URL", handbook["github"]["api"])
    monkeypatch.setenv("GITHUB_REPOSITORY", handbook["repository"])
    monkeypatch.setenv("GITHUB_TOKEN", handbook["tokens"]["maintainer"])

    def run() -> dict[str, str]:
        show(check(Path(), Path("arborist.yaml")))
        printed = capsys.readouterr().out.splitlines()
        return {line[2:].partition(":")[0]: line for line in printed}

    return run


def approval(here: Repository, policy: str = "") -> str:
    """Sets the policy, if one is given; returns the one that is set."""
    url = f"{here.url}/actions/permissions/fork-pr-contributor-approval"
    if policy:
        here.requester.requestJsonAndCheck("PUT", url, input={"approval_policy": policy})
    return str(here.requester.requestJsonAndCheck("GET", url)[1]["approval_policy"])


def runner(here: Repository, value: str) -> None:
    """Sets the variable that names the runner."""
    if "ARBORIST_RUNNER" in {variable.name for variable in here.get_variables()}:
        here.get_variable("ARBORIST_RUNNER").edit(value)
    else:
        here.create_variable("ARBORIST_RUNNER", value)


def test_a_token_that_all_workflows_see_is_a_fault(here: Repository, lines: Doctor) -> None:
    environment = here.get_environment("release")
    environment.create_secret("HF_TOKEN", "hf_secret")
    assert lines()["HF_TOKEN"] == "✔ HF_TOKEN: is a secret of the environment release"
    here.create_secret("HF_TOKEN", "hf_secret")
    said = lines()["HF_TOKEN"]
    here.delete_secret("HF_TOKEN")
    environment.delete_secret("HF_TOKEN")
    assert said.startswith(
        "✘ HF_TOKEN: is a secret of the repository, so workflows of every branch can read it"
    )
    assert "move it to the environment release" in said


def test_without_a_token_it_says_what_the_hub_must_trust(lines: Doctor) -> None:
    said = lines()
    assert "HF_TOKEN" not in said
    assert "repository maintainer/handbook, branch main, workflow retrain.yml" in said["publishing"]


def test_an_environment_without_any_rule_protects_nothing(
    here: Repository, lines: Doctor, init: Callable[[], str]
) -> None:
    here.create_environment("release")
    assert lines()["release"].startswith("✘ release: has no protection rule: workflows of any branch")
    assert "✔ release: restricted it to main" in init()
    assert lines()["release"] == "✔ release: the environment is protected: only main may use it"


@pytest.mark.parametrize("pattern", ["*", "**/*"])
def test_nor_does_one_that_is_open_to_all_branches(here: Repository, lines: Doctor, pattern: str) -> None:
    here.delete_environment("release")
    made = here.create_environment("release", deployment_branch_policy=BRANCHES(False, True))
    url = f"{made.url}/deployment-branch-policies"
    here.requester.requestJsonAndCheck("POST", url, input={"name": pattern})
    assert lines()["release"].startswith("✘")


def test_nor_one_for_protected_branches_where_none_is_protected(here: Repository, lines: Doctor) -> None:
    here.create_environment("release", deployment_branch_policy=BRANCHES(True, False))
    assert lines()["release"].startswith("✔ release: the environment is protected: only protected branches")
    here.get_branch("main").remove_protection()
    assert lines()["release"].startswith("✘")


def test_a_required_reviewer_protects_it(
    here: Repository, lines: Doctor, handbook: dict[str, Any], init: Callable[[], str]
) -> None:
    someone = repository(handbook, "maintainer").owner.id
    here.create_environment("release", reviewers=[ReviewerParams("User", someone)])
    assert lines()["release"] == "✔ release: the environment is protected: a reviewer approves each release"
    init()
    assert [rule.type for rule in here.get_environment("release").protection_rules] == ["required_reviewers"]


def test_outsiders_workflows_must_wait_for_approval(
    here: Repository, lines: Doctor, init: Callable[[], str]
) -> None:
    approval(here, "first_time_contributors")
    said = lines()["approval"]
    assert said.startswith(
        "✘ approval: the policy is first_time_contributors: workflows of outside contributors can reach"
    )
    assert "✔ approval: changed: workflows of all outside contributors now need approval" in init()
    assert approval(here) == "all_external_contributors"
    assert lines()["approval"].startswith("✔")


@pytest.mark.parametrize("value", ['["self-hosted", "linux", "gpu"]', '"gpu"', '{"labels": ["gpu", "X64"]}'])
def test_the_runner_is_the_one_that_the_variable_names(here: Repository, lines: Doctor, value: str) -> None:
    runner(here, value)
    assert lines()["runner"].startswith("✔ runner: online: local (")


def test_a_runner_with_other_labels_will_not_do(here: Repository, lines: Doctor) -> None:
    runner(here, '["self-hosted", "a100"]')
    said = lines()["runner"]
    assert said.startswith("✘ runner: none with the labels self-hosted, a100 is online; register one")


@pytest.mark.parametrize("value", ["gpu", "[1]", "[]", "{}", '{"group": 7}', "null"])
def test_a_variable_that_names_no_runner_is_one_line(here: Repository, lines: Doctor, value: str) -> None:
    runner(here, value)
    said = lines()["runner"]
    assert said.startswith("✘ runner: the variable ARBORIST_RUNNER is ")
    assert 'set it to JSON such as ["self-hosted", "gpu"]' in said


def test_a_runner_that_keeps_its_disk_is_advised_against(here: Repository, lines: Doctor) -> None:
    runner(here, '["self-hosted", "gpu"]')
    assert lines()["ephemeral runner"].startswith("! ephemeral runner: local keeps its disk between jobs")


def test_a_store_that_hosted_jobs_do_not_reach_is_told(here: Repository, lines: Doctor) -> None:
    store = here.get_variable("ARBORIST_STORE")
    place = store.value
    assert f"! store of all jobs: {place} is a folder of one machine" in lines()["store of all jobs"]
    store.edit("s3://bucket/store")
    assert "s3://bucket/store: GitHub-hosted jobs get no credentials" in lines()["store of all jobs"]
    here.delete_variable("ARBORIST_STORE")
    said = lines()["store of all jobs"]
    here.create_variable("ARBORIST_STORE", place)
    assert ".arborist/store is a folder in each job's checkout, which the next job deletes" in said
