"""The whole loop as somebody else would drive it: with git, PyGithub and huggingface_hub, on an unseen leaf.

One world, one story, in order; the retraining in it is killed twice.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from github.PullRequest import PullRequest
from huggingface_hub import HfApi, hf_hub_download

from tests.loop.conftest import ARBORIST, clean
from tests.loop.steps import (
    LEAF,
    SKARROW,
    check_is,
    comment_that,
    fork,
    git,
    push,
    repository,
    until,
    write_skarrow,
)

MODEL = "lab/taxonomy-model"
BRANCH = "teach-skarrow"


@pytest.fixture(scope="module")
def clone(world: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contributor's fork, cloned, on a branch with the leaf as its author first wrote it."""
    folder = tmp_path_factory.mktemp("clone")
    fork(world, folder, BRANCH)
    leaf = write_skarrow(folder)
    wrong = (leaf / "qna.yaml").read_text().replace("answer: Skarrow was invented in 1911.", "answer: 1911")
    (leaf / "qna.yaml").write_text(wrong)
    push(folder, "Teach skarrow")
    return folder


@pytest.fixture(scope="module")
def pull(world: dict[str, Any], clone: Path) -> PullRequest:
    here = repository(world, "contributor")
    return here.create_pull(base="main", head=f"contributor:{BRANCH}", title="Skarrow", body="A ball game.")


@pytest.fixture(scope="module")
def bot(world: dict[str, Any]) -> dict[str, str]:
    """The environment that `arborist local env` prints, as a shell would take it."""
    printed = subprocess.run(
        [ARBORIST, "local", "env", "--data", world["data"]], check=True, capture_output=True, text=True
    ).stdout
    exported = (line.removeprefix("export ").split("=", 1) for line in printed.splitlines())
    return {**clean(), **dict(exported)}


@pytest.fixture(scope="module")
def main(world: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for a checkout of main, for retraining by hand."""
    return tmp_path_factory.mktemp("main")


def test_a_mistake_is_named_on_its_line(world: dict[str, Any], clone: Path, pull: PullRequest) -> None:
    lines = (clone / LEAF / "qna.yaml").read_text().splitlines()
    number = lines.index("        answer: 1911") + 1
    body = comment_that(pull, "qna.yaml", str(number))
    assert "1911" in body
    check_is(world, pull, "failure")
    run = (
        repository(world, "outsider").get_commit(pull.head.sha).get_check_runs(check_name="arborist lint")[0]
    )
    annotation = run.get_annotations()[0]
    assert (annotation.path, annotation.start_line) == (f"{LEAF}/qna.yaml", number)


def test_a_fix_turns_the_same_comment_green_and_brings_the_plan(
    world: dict[str, Any], clone: Path, pull: PullRequest
) -> None:
    (clone / LEAF / "qna.yaml").write_bytes((SKARROW / "qna.yaml").read_bytes())
    push(clone, "Write the answer out")
    comment_that(pull, "Plan", "skarrow", "to generate")
    check_is(world, pull, "success")


def test_an_outsider_is_refused(world: dict[str, Any], pull: PullRequest) -> None:
    thread = repository(world, "outsider").get_issue(pull.number)
    asked = thread.create_comment("/arborist sample")
    until(lambda: [r.content for r in asked.get_reactions()] == ["-1"], "the reaction")
    answer = "is for the role admin or maintain here, and that is not the case for you"
    until(lambda: [answer in c.body for c in pull.get_issue_comments()].count(True) == 1, "the answer")
    assert not list(repository(world, "maintainer").get_workflow("sample.yml").get_runs())


def test_a_maintainer_gets_samples_and_the_precheck(world: dict[str, Any], pull: PullRequest) -> None:
    repository(world, "maintainer").get_issue(pull.number).create_comment("/arborist sample")
    body = comment_that(pull, "Sample of", "Precheck of", "today's model")
    assert "new to the model: it knows 0 of 10" in body


def test_the_merge_is_released_though_the_retraining_is_killed_twice(
    world: dict[str, Any], pull: PullRequest, bot: dict[str, str], main: Path
) -> None:
    maintainer = repository(world, "maintainer")
    maintainer.get_pull(pull.number).merge()
    store = Path(world["data"]) / "store"

    # First the workflow's own run, while it generates; the run ends red and does not hang.
    kill_when(store, "generating", lambda: any(store.glob("batch/*/entry.json")) and retraining() != [])
    run = until(
        lambda: next(iter(maintainer.get_workflow_runs(event="push", status="completed")), None),
        "the run's end",
    )
    assert run.conclusion == "failure"

    # Then a run by hand, on a checkout of main, while it trains.
    git(main, "clone", "--quiet", world["github"]["git"], ".")
    process = subprocess.Popen([ARBORIST, "retrain"], cwd=main, env=bot)
    until(lambda: any(store.glob("work/train-*/*/checkpoint/progress.json")), "a checkpoint", 900)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert tags(world) == []

    done = subprocess.run([ARBORIST, "retrain"], cwd=main, env=bot, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "resum" in done.stderr
    assert tags(world) == ["v1"]


def test_retraining_again_does_nothing_and_says_so(
    world: dict[str, Any], bot: dict[str, str], main: Path
) -> None:
    start = time.monotonic()
    done = subprocess.run([ARBORIST, "retrain"], cwd=main, env=bot, capture_output=True, text=True)
    assert time.monotonic() - start < 10
    assert done.returncode == 0
    assert "nothing to do: v1" in done.stderr
    assert tags(world) == ["v1"]


def test_the_pull_request_gets_its_closing_word(pull: PullRequest) -> None:
    body = comment_that(pull, "Released as", "v1", "skarrow")
    assert "0 of 10" in body


def test_the_released_model_has_learnt_the_leaf_and_says_where_it_comes_from(
    world: dict[str, Any], tmp_path: Path
) -> None:
    path = hf_hub_download(MODEL, "manifest.json", revision="v1", endpoint=world["hub"], cache_dir=tmp_path)
    manifest = json.loads(Path(path).read_text())
    exam = {leaf["path"]: leaf["exam"] for leaf in manifest["leaves"]}[LEAF.removeprefix("taxonomy/")]
    assert exam["before"] == {"right": 0, "asked": 10}
    assert exam["after"]["right"] >= 6
    assert manifest["taxonomy"]["commit"] == repository(world, "outsider").get_branch("main").commit.sha
    files = HfApi(endpoint=world["hub"]).list_repo_files(MODEL, revision="v1")
    assert {"README.md", "model.safetensors", "tokenizer.json", "config.json", "chat_template.jinja"} <= set(
        files
    )


def tags(world: dict[str, Any]) -> list[str]:
    api = HfApi(endpoint=world["hub"])
    return [tag.name for tag in api.list_repo_refs(MODEL).tags] if api.repo_exists(MODEL) else []


def retraining() -> list[int]:
    found = subprocess.run(["pgrep", "-f", "arborist retrain"], capture_output=True, text=True).stdout
    return [int(pid) for pid in found.split()]


def kill_when(store: Path, what: str, ready: Callable[[], bool]) -> None:
    until(ready, what, 600)
    for pid in retraining():
        os.kill(pid, signal.SIGKILL)
