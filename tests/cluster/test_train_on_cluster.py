"""Training on a Ray cluster of two nodes gives the losses of one process, whoever is killed."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from bot.config.recipe import PhaseRecipe
from bot.core.errors import UserError
from bot.core.progress import watched
from bot.train.launch_ray import launch_on_cluster
from bot.train.loop import train
from tests import ROOT
from tests.helpers.heard import Heard
from tests.helpers.loop import until
from tests.helpers.on_cluster import kill_worker
from tests.helpers.training import job, last, losses, zero

ZERO2 = {"deepspeed": zero(2), "processes": 2}
PHASE = PhaseRecipe(learning_rate=1e-3, batch_tokens=250, epochs=24)
DRIVER = """
import sys
from bot.train.launch_ray import launch_on_cluster
from bot.train.worker import read_job
launch_on_cluster(read_job(sys.argv[1]))
"""


def reach(work: Path, step: int) -> None:
    """Wait for a step of a training that goes on; checkpoints are made every second step."""
    until(lambda: (work / "metrics.jsonl").exists(), "a step")
    while len(losses(work)) < step:
        time.sleep(0.01)
    assert not (work / "models").exists(), "it was not done yet"


def test_two_nodes_give_the_losses_of_one_process_after_the_driver_and_a_worker_were_killed(
    two_nodes: Cluster, tiny: Path, tmp_path: Path
) -> None:
    alone = job(tiny, tmp_path / "alone", phase=PHASE)
    train(alone)
    both = job(tiny, tmp_path / "both", phase=PHASE, **ZERO2)

    told = json.dumps(asdict(both), default=str)
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, told], cwd=ROOT)
    reach(both.work, 4)
    driver.kill()
    driver.wait()
    before = len(losses(both.work))

    heard = Heard()

    def go_on() -> None:
        with watched(heard):
            launch_on_cluster(both)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(go_on)
        reach(both.work, before + 4)
        kill_worker("RayTrainWorker")
        running.result()
    assert losses(both.work) == pytest.approx(losses(alone.work), rel=1e-3)
    assert (last(both.work) / "model.safetensors").exists()
    assert {(one.total, one.unit) for one in heard.counts} == {(len(losses(both.work)), "optimizer steps")}


def test_what_a_worker_refuses_is_one_line(two_nodes: Cluster, tiny: Path, tmp_path: Path) -> None:
    wild = replace(PHASE, learning_rate=1e20)
    with pytest.raises(UserError, match=r"^train knowledge: the loss is .*; lower train\.knowledge"):
        launch_on_cluster(job(tiny, tmp_path / "work", phase=wild))
