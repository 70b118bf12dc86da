"""Not arborist's own repository: a bare taxonomy, `arborist init`, a contribution, one merge, a release."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from github.Branch import Branch
from github.PullRequest import PullRequest
from huggingface_hub import HfApi

from bot.recipe import ROOT
from tests.loop.conftest import ARBORIST, clean
from tests.loop.steps import check_is, comment_that, fork, git, push, repository, settled, until

SEED = "taxonomy/knowledge/science/minerals/tessarite"
SKILL = "taxonomy/compositional_skills/writing/freeform/library_notices"
MODEL = "lab/handbook-model"
SMALL = {
    r"samples: 40 ": "samples: 4 ",
    r"batches: 3 ": "batches: 1 ",
    r"epochs: 3": "epochs: 0.1",
    r"new: 0.15 ": "new: 0.0 ",
    r"kept: 0.6 ": "kept: 0.0 ",
    r"retention: 0.5 ": "retention: 0.0 ",
}
"""What makes a release quick, and worth little: what is learnt is tests/loop/test_loop.py's matter."""


@pytest.fixture(scope="module")
def theirs(world: dict[str, Any]) -> dict[str, Any]:
    """The world as the owners of another repository see it, which they have made by the API."""
    here = repository(world, "maintainer")
    made = here.requester  # of the maintainer's connection
    _, answer = made.requestJsonAndCheck("POST", "/user/repos", input={"name": "handbook"})
    own = {**world, "repository": answer["full_name"]}
    handbook = repository(own, "maintainer")
    handbook.create_variable("ARBORIST_STORE", f"{world['data']}/handbook-store")
    handbook.create_variable("HF_ENDPOINT", world["hub"])
    handbook.create_secret("HF_TOKEN", world["tokens"]["bot"])
    return own


@pytest.fixture(scope="module")
def clone(theirs: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their taxonomy, one leaf and nothing else, pushed to main."""
    folder = tmp_path_factory.mktemp("handbook")
    url = repository(theirs, "maintainer").clone_url.replace(
        "://", f"://maintainer:{theirs['tokens']['maintainer']}@"
    )
    git(folder, "clone", "--quiet", url, ".")
    git(folder, "checkout", "--quiet", "-B", "main")
    shutil.copytree(ROOT / SEED, folder / SEED)
    push(folder, "What we know")
    return folder


def arborist(theirs: dict[str, Any], clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "GITHUB_API_URL": theirs["github"]["api"],
        "GITHUB_REPOSITORY": theirs["repository"],
        "GITHUB_TOKEN": theirs["tokens"]["maintainer"],
        "ARBORIST_STORE": f"{theirs['data']}/handbook-store",
    }
    command = [ARBORIST, *arguments, "--repository", str(clone)]
    return subprocess.run(command, env={**clean(), **environment}, capture_output=True, text=True)


def init(world: dict[str, Any], theirs: dict[str, Any], clone: Path) -> subprocess.CompletedProcess[str]:
    bot = repository(world, "outsider")
    pinned = ("--arborist", bot.full_name, "--commit", bot.get_branch("main").commit.sha)
    return arborist(theirs, clone, "init", "--model", MODEL, *pinned)


def test_init_sets_up_files_and_github_and_again_changes_nothing(
    world: dict[str, Any], theirs: dict[str, Any], clone: Path
) -> None:
    done = init(world, theirs, clone)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "made the label hold" in done.stdout
    assert "main takes pull requests that passed lint / lint" in done.stdout
    handbook = repository(theirs, "maintainer")
    assert {secret.name for secret in handbook.get_secrets()} == {"ARBORIST_SIGNING_KEY", "HF_TOKEN"}
    assert handbook.get_environment("release").deployment_branch_policy.protected_branches
    assert protection(handbook.get_branch("main")) == ["lint / lint"]
    before = [secret.updated_at for secret in handbook.get_secrets()]
    again = init(world, theirs, clone)
    assert again.returncode == 0
    assert not re.search("written|made|set to|takes", again.stdout)
    assert [secret.updated_at for secret in handbook.get_secrets()] == before


def protection(branch: Branch) -> list[str]:
    return list(branch.get_protection().required_status_checks.contexts)


def test_doctor_finds_nothing_missing_then(theirs: dict[str, Any], clone: Path) -> None:
    done = arborist(theirs, clone, "doctor", "--recipe", str(clone / "arborist.yaml"))
    lines = {line[2:].partition(":")[0]: line for line in done.stdout.splitlines()}
    for name in (
        "recipe",
        "workflows",
        "taxonomy",
        "ARBORIST_SIGNING_KEY",
        "label hold",
        "release",
        "protection",
    ):
        assert lines[name].startswith("✔"), lines[name]
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def pull(theirs: dict[str, Any], clone: Path, tmp_path_factory: pytest.TempPathFactory) -> PullRequest:
    """A contribution to their repository, once the files are pushed. The recipe is theirs to change."""
    recipe = clone / "arborist.yaml"
    text = recipe.read_text()
    for there, small in SMALL.items():
        assert there in text
        text = text.replace(there, small)
    recipe.write_text(text)
    push(clone, "Set up arborist [skip ci]")
    folder = tmp_path_factory.mktemp("contribution")
    fork(theirs, folder, "notices")
    shutil.copytree(ROOT / SKILL, folder / SKILL)
    push(folder, "Notices")
    here = repository(theirs, "contributor")
    return here.create_pull(base="main", head="contributor:notices", title="Notices", body="")


def test_a_contribution_is_linted_by_the_workflows_that_are_called(
    theirs: dict[str, Any], pull: PullRequest
) -> None:
    comment_that(pull, "whose work it is", "Plan", "notices")
    check_is(theirs, pull, "success")
    checks = repository(theirs, "outsider").get_commit(pull.head.sha).get_check_runs()
    assert {check.name for check in checks} >= {"lint / lint", "arborist lint"}


def test_a_maintainers_command_reaches_the_gpu_runner_through_two_calls(
    theirs: dict[str, Any], pull: PullRequest
) -> None:
    repository(theirs, "maintainer").get_issue(pull.number).create_comment("/arborist precheck")
    comment_that(pull, "Precheck of", "today's model")
    settled(theirs)
    run = repository(theirs, "maintainer").get_workflow("commands.yml").get_runs()[0]
    assert {job.name: job.conclusion for job in run.jobs()} == {
        "commands / command": "success",
        "commands / sample / sample": "success",
    }


def test_one_merge_gives_a_release(theirs: dict[str, Any], pull: PullRequest) -> None:
    maintainer = repository(theirs, "maintainer")
    maintainer.get_pull(pull.number).merge()
    run = until(
        lambda: next(iter(maintainer.get_workflow("retrain.yml").get_runs(status="completed")), None),
        "the retraining's end",
        900,
    )
    assert run.conclusion == "success"
    comment_that(pull, "Released as", "v1", "notices")
    released = HfApi(endpoint=theirs["hub"])
    assert [tag.name for tag in released.list_repo_refs(MODEL).tags] == ["v1"]
    assert {"manifest.json", "model.safetensors", "README.md"} <= set(
        released.list_repo_files(MODEL, revision="v1")
    )
