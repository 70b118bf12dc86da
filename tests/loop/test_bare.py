"""From nothing: where a machine holds nothing of this project, jobs install what they need and no more."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from github.WorkflowRun import WorkflowRun

from localworld.world import World
from tests.contract.plugin import Watch
from tests.helpers.loop import (
    approve_at_once,
    check_is,
    comment_that,
    fork,
    push,
    repository,
    settled,
    teach_skarrow,
    until,
)

PLANT = """name: plant
on: pull_request
permissions: {}
jobs:
  plant:
    runs-on: [self-hosted, gpu]
    steps:
      - run: |
          mkdir -p "$HOME/.local/bin" "$HOME/.config/pip" "$RUNNER_TOOL_CACHE/arborist/bin"
          for name in arborist uv pip python python3; do
            printf '#!/bin/sh\\ntouch %s/ran\\necho planted\\n' "$HOME" > "$HOME/.local/bin/$name"
            chmod +x "$HOME/.local/bin/$name"
          done
          cp "$HOME/.local/bin/arborist" "$RUNNER_TOOL_CACHE/arborist/bin"
          printf '[global]\\nindex-url = http://127.0.0.1:9\\n' > "$HOME/.config/pip/pip.conf"
          arborist
"""


@pytest.fixture(scope="module")
def bare(
    tmp_path_factory: pytest.TempPathFactory, contract: Watch, project: Path
) -> Iterator[tuple[dict[str, Any], Path]]:
    """A world whose jobs find no wheel on this machine, and the tool cache of its hosted jobs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_CACHE_DIR", str(tmp_path_factory.mktemp("wheels")))
        cache = tmp_path_factory.mktemp("bare-tools")
        running = World(
            tmp_path_factory.mktemp("bare"), project, middleware=contract.middleware, tool_cache=cache
        )
        contract.watch(running.github)
        running.start()
        approve_at_once(running)
        yield running.address(), cache / "hosted" / "arborist"
        running.stop()


def logs(run: WorkflowRun) -> str:
    return "\n".join(requests.get(job.logs_url(), timeout=10).text for job in run.jobs())


def test_a_pull_request_gets_its_comment_and_check_with_the_core_alone(
    bare: tuple[dict[str, Any], Path], tmp_path: Path
) -> None:
    world, kept = bare
    assert not kept.exists()
    teach_skarrow(world, tmp_path, "teach-skarrow")
    pull = repository(world, "contributor").create_pull(
        base="main", head="contributor:teach-skarrow", title="Skarrow"
    )
    check_is(world, pull, "success")
    comment_that(pull, "arborist:part lint", "arborist:part plan")
    settled(world)
    runs = {run.name: run for run in repository(world, "maintainer").get_workflow_runs()}
    assert {name: run.conclusion for name, run in runs.items()} == {"lint": "success", "report": "success"}
    assert "set-up: downloading " in logs(runs["lint"])
    assert "set-up: downloading " not in logs(runs["report"])
    [core] = [folder for folder in kept.iterdir() if folder.is_dir() and folder.name.endswith("-core")]
    for package in ("torch", "transformers", "rapidfuzz", "pyarrow", "openai", "pytest"):
        done = subprocess.run(
            [core / "bin/python", "-c", f"import {package}"], capture_output=True, text=True
        )
        assert f"No module named '{package}'" in done.stderr


@pytest.fixture(scope="module")
def tool_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is planted here must not be found by the worlds of other modules."""
    return tmp_path_factory.mktemp("tools")


# A planted git or bash would run: the checkout itself takes them from PATH, before any code of ours. Against
# that, only an approval of strangers' runs helps, or a machine that is thrown away after each job.
def test_what_a_forks_job_plants_on_the_labs_own_machine_is_not_what_a_later_job_runs(
    world: dict[str, Any], tmp_path: Path
) -> None:
    fork(world, tmp_path, "plant")
    workflow = tmp_path / ".github/workflows/plant.yml"
    workflow.write_text(PLANT)
    push(tmp_path, "Plant")
    repository(world, "contributor").create_pull(base="main", head="contributor:plant", title="Plant")
    settled(world)
    here = repository(world, "maintainer")
    planted = next(run for run in here.get_workflow_runs() if run.name == "plant")
    assert "planted" in logs(planted)
    home = Path(world["data"]) / "actions/machines/own/home"
    (home / "ran").unlink()
    given = {"pull": "999", "sha": "0" * 40, "command": "sample", "arguments": ""}
    assert here.get_workflow("sample.yml").create_dispatch("main", given)

    def sampled() -> WorkflowRun | None:
        return next((run for run in here.get_workflow_runs() if run.name == "sample"), None)

    until(sampled, "the run of sample.yml")
    settled(world)
    run = sampled()
    assert run is not None
    said = logs(run)
    # The real one asks GitHub for this pull request, and reports that there is none.
    assert "arborist: sampling pull request 999" in said
    assert "planted" not in said
    assert not (home / "ran").exists()
    assert re.search(r"set-up: using the environment /\S+/own/arborist/\w{16}-\w{8}-train", said)
