"""The machines of a Ray cluster: what they have, and whether they can do this machine's work."""

import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.cluster.connect import cluster_errors
from bot.core.errors import UserError
from bot.core.version import commit

SHARED = "put the store, ARBORIST_CACHE and HF_HOME on a file system that all nodes share"
ANSWER_S = 120.0
"""Seconds within which a node answers."""


@dataclass(frozen=True)
class Node:
    """A machine of the cluster that is alive."""

    id: str
    address: str
    cpus: int
    gpus: int


@dataclass(frozen=True)
class Share:
    """The equal parts into which the cluster's machines are divided: `count` workers, and what each gets."""

    count: int
    cpus: int
    gpus: int = 0


def nodes() -> list[Node]:
    """Return the machines that compute: those with GPUs if there are any, else those with CPUs."""
    import ray

    alive = [one for one in ray.nodes() if one["Alive"]]
    found = [
        Node(
            *(one["NodeID"], one["NodeManagerAddress"]),
            *(int(one["Resources"].get(name, 0)) for name in ("CPU", "GPU")),
        )
        for one in alive
    ]
    return [one for one in found if one.gpus] or [one for one in found if one.cpus]


def engine_share(gpus: int) -> Share:
    """Return how many engines the cluster holds; without a GPU, one on each of equal machines.

    Args:
        gpus: GPUs that an engine needs, where there are GPUs.

    Raises:
        UserError: no machine has as many GPUs.
    """
    machines = nodes()
    if machines and machines[0].gpus:
        large = [one for one in machines if one.gpus >= gpus]
        if not large:
            most = max(one.gpus for one in machines)
            raise UserError(
                f"engine ray: the profile's vLLM needs {gpus} GPUs on one node, and the largest node has "
                f"{most}; choose another profile"
            )
        cpus = min(one.cpus * gpus // one.gpus for one in large)
        return Share(sum(one.gpus // gpus for one in large), cpus, gpus)
    cpus = min((one.cpus for one in machines), default=1)
    return Share(_fitting(machines, cpus), cpus)


def training_share(processes: int) -> Share:
    """Return what each of a number of processes gets: a GPU if there are GPUs, else equally many CPUs.

    Raises:
        UserError: the cluster has too few GPUs or CPUs.
    """
    machines = nodes()
    if machines and machines[0].gpus:
        have, what = sum(one.gpus for one in machines), "GPUs"
        cpus = min(one.cpus // one.gpus for one in machines)
    else:
        have, what = sum(one.cpus for one in machines), "CPUs"
        most = max((one.cpus for one in machines), default=0)
        cpus = next((n for n in range(most, 0, -1) if _fitting(machines, n) >= processes), 0)
    if have < processes:
        raise UserError(
            f"engine ray: the profile trains in {processes} processes, and the cluster has {have} {what}; "
            "choose another profile or add nodes"
        )
    return Share(processes, cpus, 1 if what == "GPUs" else 0)


def _fitting(machines: Sequence[Node], cpus: int) -> int:
    return sum(one.cpus // cpus for one in machines)


def device() -> str:
    """Describe the cluster's hardware, such as `a Ray cluster of 2 nodes, 16 GPUs`, if one was used."""
    if "ray" not in sys.modules or not sys.modules["ray"].is_initialized():
        return "a Ray cluster"
    machines = nodes()
    gpus = sum(one.gpus for one in machines)
    amount = f"{gpus} GPUs" if gpus else f"{sum(one.cpus for one in machines)} CPUs"
    return f"a Ray cluster of {len(machines)} nodes, {amount}"


@contextmanager
def marked(folder: Path) -> Iterator[Path]:
    """Write a file into a folder that a node sees only if it shares the folder with this machine."""
    marker = folder / f"shared-{uuid.uuid4().hex}"
    marker.touch()
    try:
        yield marker
    finally:
        marker.unlink(missing_ok=True)


def check_nodes(paths: Sequence[Path] = ()) -> None:
    """Check that each machine has this commit of arborist, and sees files of this one.

    Raises:
        UserError: one has another commit or none, or does not see a file.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    look = ray.remote(num_cpus=0)(_look)
    asked = {
        one: look.options(scheduling_strategy=NodeAffinitySchedulingStrategy(one.id, soft=False)).remote(
            [str(path) for path in paths]
        )
        for one in nodes()
    }
    for node, answer in asked.items():
        with cluster_errors(f"node {node.address}"):
            there, missing = ray.get(answer, timeout=ANSWER_S)
        if there != commit():
            raise UserError(
                f"node {node.address} of the Ray cluster has arborist at commit {there[:10] or 'unknown'}, "
                f"and this machine at {commit()[:10] or 'unknown'}; install the same commit on all nodes"
            )
        if missing:
            raise UserError(f"node {node.address} of the Ray cluster does not see {missing[0]}; {SHARED}")


def _look(paths: Sequence[str]) -> tuple[str, list[str]]:
    """Return a node's commit of arborist, and the files that it does not see."""
    return commit(), [path for path in paths if not Path(path).exists()]
