"""A Ray cluster of two nodes on this machine, with two CPUs each."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from bot.cluster.connect import ADDRESS, SETTINGS
from tests.helpers.families import write_family
from tests.helpers.on_cluster import START_S, wait_longer_for_ray

NODE = {"num_cpus": 2, "include_dashboard": False, "node_ip_address": "127.0.0.1"}


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_family(tmp_path_factory.mktemp("tiny"), "Llama")


@pytest.fixture(scope="package")
def two_nodes() -> Iterator[Cluster]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        # Ray lets its workers wait for all other processes, here those of other tests.
        patch.setenv("RAY_worker_niceness", "0")
        wait_longer_for_ray(patch)
        cluster = Cluster(initialize_head=True, head_node_args=NODE)
        cluster.add_node(wait=False, **NODE)
        cluster.wait_for_nodes(START_S)
        patch.setenv(ADDRESS, cluster.address)
        yield cluster
        ray.shutdown()
        cluster.shutdown()
