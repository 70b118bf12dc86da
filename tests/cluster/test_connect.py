"""The cluster that is used, what is checked there before the work, and Ray's errors in one line."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
from ray.cluster_utils import Cluster

from bot.cluster import nodes
from bot.cluster.connect import ADDRESS, cluster_errors, connect
from bot.core.errors import UserError
from tests import ROOT
from tests.helpers.loop import until

LOCAL = """
import json, psutil, pytest
from bot.cluster.connect import connect
from tests.helpers.on_cluster import wait_longer_for_ray
wait_longer_for_ray(pytest.MonkeyPatch())
connect()
ours = [psutil.Process(), *psutil.Process().children(recursive=True)]
heard = [one.laddr.ip for process in ours for one in process.net_connections() if one.status == "LISTEN"]
print(json.dumps([[process.pid for process in ours], heard]))
"""


def test_without_a_cluster_one_is_started_on_this_machine_alone_and_ends_with_the_command() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="ray-") as folder:
        alone = {name: value for name, value in os.environ.items() if name != ADDRESS}
        done = subprocess.run(
            [sys.executable, "-c", LOCAL],
            cwd=ROOT,
            env={**alone, "RAY_TMPDIR": folder},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        pids, heard = json.loads(done.stdout)
        assert "one of this machine alone is started" in done.stderr
        assert len(pids) > 2 and {one.removeprefix("::ffff:") for one in heard} == {"127.0.0.1"}
        until(lambda: not any(psutil.pid_exists(pid) for pid in pids), "the end of Ray", 60)


def test_no_cluster_at_the_address_is_one_line_at_once() -> None:
    code = "import bot.cluster.connect as c; from bot.core.errors import run_program; run_program(c.connect)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, ADDRESS: "127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("arborist: engine ray: no cluster answers at 127.0.0.1:9; start it, or set")


def test_a_node_that_has_another_commit_or_other_files_is_named(
    two_nodes: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect()
    with nodes.marked(tmp_path) as marker:
        nodes.check_nodes([marker])
    with pytest.raises(UserError, match=r"^node 127\.0\.0\.1 .* does not see .*shared-.*; put the store"):
        nodes.check_nodes([marker])
    monkeypatch.setattr(nodes, "commit", lambda: "f" * 40)
    with pytest.raises(UserError, match=r"^node 127\.0\.0\.1 .* and this machine at ffffffffff; install"):
        nodes.check_nodes()


def test_a_cluster_that_is_too_small_is_said_before_anything_starts(two_nodes: Cluster) -> None:
    connect()
    assert nodes.device() == "a Ray cluster of 2 nodes, 4 CPUs"
    assert nodes.engine_share(1) == nodes.Share(2, 2)
    assert [nodes.training_share(count) for count in (1, 2, 3)] == [
        nodes.Share(1, 2),
        nodes.Share(2, 2),
        nodes.Share(3, 1),
    ]
    with pytest.raises(UserError, match=r"trains in 5 processes, and the cluster has 4 CPUs; choose"):
        nodes.training_share(5)


def test_a_workers_errors_are_one_line(two_nodes: Cluster) -> None:
    import ray

    connect()

    def fail(error: Exception) -> None:
        raise error

    run = ray.remote(num_cpus=0, max_retries=0)(fail)
    with pytest.raises(UserError, match=r"^the disk is full$") as refused, cluster_errors("the engine"):
        ray.get(run.remote(UserError("the disk is full", code=1)))
    assert refused.value.code == 1
    with (
        pytest.raises(UserError, match=r"^the engine on the Ray cluster failed: ValueError: wrong$"),
        cluster_errors("the engine"),
    ):
        ray.get(run.remote(ValueError("wrong\nand more")))
