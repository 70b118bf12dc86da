"""`localworld demo`, which `make demo` runs after set-up: it ends well, with the wanted numbers."""

import contextlib
import json
import subprocess
from pathlib import Path

import psutil
import pytest

from bot.release.hub import latest_release
from bot.release.tags import order
from localworld.demo.seed import demo_seed
from localworld.demo.story import Story
from localworld.seed import Seed
from localworld.world import MODEL, World
from tests import ROOT
from tests.helpers.loop import LOCALWORLD, clean, until


@pytest.mark.demo
def test_a_contribution_becomes_a_released_model(tmp_path: Path) -> None:
    done = subprocess.run(
        [LOCALWORLD, "demo", "--data", str(tmp_path / "demo")],
        cwd=ROOT,
        env=clean(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    summary = json.loads((tmp_path / "demo" / "summary.json").read_text())
    exam = summary["exam"][summary["leaf"]]
    assert exam["before"]["right"] <= 0.1 * exam["before"]["asked"]
    assert exam["after"]["right"] >= 0.6 * exam["after"]["asked"]
    first, second = order(summary["first_release"]), order(summary["release"]["tag"])
    assert second == (*first[:3], first[3] + 1) or second[:3] > first[:3]
    assert len(summary["release"]["commit"]) == 40
    assert len(summary["manifest_key"]) == 64
    assert len(summary["comments"]) == 1
    assert [line[:1] for line in summary["verified"]] == ["✔"] * 6
    assert summary["gguf"]["file"].endswith(".gguf") and summary["gguf"]["answer"]
    assert set(summary["seconds"]) == {"1", "2", "3", "4", "5", "6", "7", "8", "all"}


@pytest.mark.demo
def test_with_engine_ray_the_same_retraining_gives_a_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = demo_seed(ROOT)
    # The demo's first release has no knowledge; here it has a leaf, so that both phases train.
    left_out = [
        folder.replace("taxonomy/knowledge", "taxonomy/knowledge/science") for folder in seed.leave_out
    ]
    recipe = f"engine: ray\n{seed.texts['arborist.yaml']}"
    world = World(tmp_path, ROOT, seed=Seed(left_out, {**seed.texts, "arborist.yaml": recipe}))
    world.start()
    try:
        monkeypatch.setenv("HF_ENDPOINT", world.hub)
        Story(world).first_release()
        released = latest_release(MODEL)
        log = "\n".join(path.read_text() for path in tmp_path.rglob("jobs/*") if path.is_file())
    finally:
        world.stop()
    assert released is not None
    assert [leaf["path"].split("/")[0] for leaf in released.manifest["leaves"]] == [
        "compositional_skills",
        "knowledge",
    ]
    exams = [leaf["exam"] for leaf in released.manifest["leaves"]]
    right = {when: sum(exam[when]["right"] for exam in exams) for when in ("before", "after")}
    assert right["after"] > right["before"]
    assert "engine ray: no cluster is running, so one of this machine alone is started" in log
    assert "RayTrainWorker" in log, "it trained there"
    assert "PlacementGroupCleaner" not in log, "nothing is said once a second"


def test_a_demo_that_is_ended_leaves_nothing_running(tmp_path: Path) -> None:
    mark = str(tmp_path / "demo")

    def jobs() -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            # One that has just ended is nobody's job.
            with contextlib.suppress(psutil.Error):
                if mark in process.environ().get("ARBORIST_STORE", ""):
                    found.append(process)
        return found

    with subprocess.Popen([LOCALWORLD, "demo", "--data", mark], cwd=ROOT, env=clean()) as demo:
        until(jobs, "the first release's job")
        demo.terminate()
    assert demo.returncode != 0
    assert jobs() == []


def test_make_demo_is_set_up_and_then_the_demo() -> None:
    # A make around the tests would speak in between.
    env = {name: value for name, value in clean().items() if not name.startswith("MAKE")}
    planned = subprocess.run(
        ["make", "--dry-run", "demo"], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert planned.stdout.splitlines()[-2:] == [
        ".venv/bin/arborist models fetch",
        ".venv/bin/localworld demo ",
    ]
