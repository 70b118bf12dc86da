"""The connection to a Ray cluster, and Ray's errors as errors of one line."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bot.core.errors import UserError
from bot.core.progress import say

ADDRESS = "RAY_ADDRESS"
LOOPBACK = ("127.0.0.1:", "localhost:")
PROBE_S = 10.0
CLEANER = "PlacementGroupCleaner"
"""Ray Train's actor that asks Ray's dashboard once a second, and warns as often where there is none."""
SETTINGS = {
    # Nothing is reported to Ray's authors.
    "RAY_USAGE_STATS_ENABLED": "0",
    # No exporter of metrics, and a worker stays in its folder.
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    # Seconds in which the workers of a training start; libraries on a shared file system load slowly.
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "600",
    # The same for Ray's own processes, on a machine whose cores are busy.
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_worker_register_timeout_seconds": "300",
}
"""Environment variables that Ray reads; those that are set stay as they are."""


def connect() -> None:
    """Connect to the cluster of RAY_ADDRESS, else to the one that this machine is a node of, else start one.

    A cluster that is started here has this machine alone, listens on 127.0.0.1, and ends with this process.

    Raises:
        UserError: Ray is not installed, or there is no cluster at RAY_ADDRESS.
    """
    os.environ.update({name: value for name, value in SETTINGS.items() if name not in os.environ})
    try:
        import ray
    except ImportError as error:
        raise UserError(f"engine ray: {error}; install the extra `ray`") from None
    if ray.is_initialized():
        return
    _print_on_stderr()
    from ray._private import ray_constants, services

    # ENABLE_RAY_CLUSTER: whether Ray replaces 127.0.0.1 by the machine's outer address; it has no setting.
    stated = os.environ.get(ADDRESS, "")
    address = stated if stated not in ("", "auto") else services.find_bootstrap_address(None)
    if address and _answers(address):
        if address.startswith(LOOPBACK):
            ray_constants.ENABLE_RAY_CLUSTER = False
        with _start_errors():
            ray.init(address=address, logging_level="ERROR")
        return
    if stated:
        raise UserError(
            f"engine ray: no cluster answers at {stated}; start it, or set {ADDRESS} to its head's host:port"
        )
    say("engine ray: no cluster is running, so one of this machine alone is started")
    ray_constants.ENABLE_RAY_CLUSTER = False
    with _start_errors():
        ray.init(address="local", include_dashboard=False, logging_level="ERROR")


def _print_on_stderr() -> None:
    """Let Ray print what its workers and nodes say on stderr, except CLEANER.

    Stdout is for machine-readable output. Ray has no setting for either, and prints all by one function.
    """
    from ray._private import worker

    printed = worker.print_to_stdstream

    def on_stderr(data: dict[str, Any], **given: Any) -> None:
        if data.get("actor_name") != CLEANER:
            printed({**data, "is_err": True}, **given)

    worker.print_to_stdstream = on_stderr


@contextmanager
def _start_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # Ray raises no narrower class when one of its servers does not start
        raise UserError(f"engine ray: Ray does not start, run again: {_line(error)}") from None


def _answers(address: str) -> bool:
    """Return whether a server listens at host:port; Ray itself would wait for many minutes."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=PROBE_S):
            return True
    except (OSError, ValueError, OverflowError):
        return False


@contextmanager
def cluster_errors(doing: str) -> Iterator[None]:
    """Convert Ray's errors to a UserError; a worker's own UserError keeps its words.

    Args:
        doing: what the cluster does, for the message.

    Raises:
        UserError: a worker failed, died too often, or the connection to the cluster is lost.
    """
    from ray.exceptions import RayActorError, RayError, RayTaskError

    try:
        yield
    except RayTaskError as error:
        cause = error.cause
        if isinstance(cause, UserError):
            raise UserError(str(cause), code=cause.code) from None
        why = f"{type(cause).__name__}: {_line(cause)}"
        raise UserError(f"{doing} on the Ray cluster failed: {why}") from None
    except RayActorError as error:
        raise UserError(
            f"{doing} on the Ray cluster: a worker died too often: {_line(error)}; what is finished is kept, "
            "run again for the rest"
        ) from None
    except RayError as error:
        raise UserError(f"{doing} on the Ray cluster failed: {_line(error)}; run again to resume") from None


def _line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
