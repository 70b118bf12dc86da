"""Leaves and a recipe for a Ray cluster, and the death of one of its workers."""

import signal
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from bot.config.load import load_recipe
from bot.config.recipe import Recipe, TeacherRecipe, Where
from bot.core.store import Store
from bot.generate import pipeline_files
from bot.taxonomy.leaf import QA, Document, Leaf, Seed
from tests import ROOT
from tests.helpers.leaves import knowledge
from tests.helpers.loop import until

LEAVES = 20
START_S = 300.0
"""Ray waits 30 seconds for its own servers, which is too short while other tests use all cores."""
AGENT_PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port")


def wait_longer_for_ray(patch: pytest.MonkeyPatch) -> None:
    """Make Ray wait START_S for each node that is started here.

    A node ends itself if its agents have not written their ports after 15 seconds, so that is done before.
    """
    from ray._private import services
    from ray._private.node import Node

    start = Node.start_ray_processes

    def start_with_ports(self: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._ray_params.runtime_env_agent_port = free.getsockname()[1]
        for name in AGENT_PORTS:
            Path(self.get_session_dir_path(), f"{name}_{self.node_id}").write_text("-1")  # none
        start(self)

    patch.setattr(Node, "start_ray_processes", start_with_ports)
    once, until_then = services.get_node, time.monotonic() + START_S

    def get_node(*which: Any) -> Any:
        while True:
            try:
                return once(*which)
            except RuntimeError:
                if time.monotonic() > until_then:
                    raise
                time.sleep(0.2)

    patch.setattr(services, "get_node", get_node)


def leaves() -> list[Leaf]:
    """Leaves about a clock each."""
    return [_leaf(number) for number in range(LEAVES)]


def _leaf(number: int) -> Leaf:
    name = f"Corvane{number}"
    passage = f"The {name} clock was made by Petra {name}son in 17{number:02}. It strikes {number} times."
    pairs = (
        QA(f"Who made the {name} clock?", f"Petra {name}son made it."),
        QA(f"When was the {name} clock made?", f"It was made in 17{number:02}."),
        QA(f"How often does the {name} clock strike?", f"It strikes {number} times."),
    )
    return knowledge(
        path=f"knowledge/clocks/corvane_{number}",
        seeds=(Seed(passage, pairs),),
        documents=(Document("clock.md", f"# The {name} clock\n\n{passage}\n"),),
        exam=(),
    )


def recipe(teacher: Path, engine: Where) -> Recipe:
    """Return a recipe of which a tiny teacher makes two batches a leaf."""
    shipped = load_recipe(ROOT / "arborist.yaml")
    few = replace(shipped.generate, samples=4, batches=2)
    model = TeacherRecipe("transformers", str(teacher), batch=8)
    asked = replace(shipped.evaluate, engine=engine, batch=4)
    return replace(shipped, teacher=model, generate=few, evaluate=asked, engine=engine)


def one_question_a_batch(patch: pytest.MonkeyPatch) -> None:
    """Make batches small, since a teacher of random weights never ends an answer itself."""
    read = pipeline_files.pipeline_of
    patch.setattr("bot.generate.inputs.pipeline_of", lambda *leaf: replace(read(*leaf), batch=1))


def batches(store: Store) -> dict[str, bytes]:
    """Return key -> content of the batches that a store has."""
    found = store.get_many("batch", store.keys("batch"))
    return {key: entry.read_bytes("batch.json") for key, entry in found.items()}


def workers(doing: str) -> list[psutil.Process]:
    """Return the processes of the clusters that this process started which do something now."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if " ".join(process.cmdline()).startswith(f"ray::{doing}"):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def kill_worker(doing: str) -> int:
    """Kill a worker while it does something, as one that runs out of memory is killed; return its PID."""
    until(lambda: workers(doing), f"a worker that does {doing}")
    victim = workers(doing)[0]
    victim.send_signal(signal.SIGKILL)
    return int(victim.pid)
