"""A vLLM server, started as `runners/` starts it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from bot.inference.models import model_folder
from tests import ROOT


@contextmanager
def serving() -> Iterator[str]:
    """The URL of a vLLM server, started as runners/ starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(ROOT / "runners/vllm/serve.sh"), str(model_folder("embedded")), "cpu", str(port)]
    with tempfile.TemporaryFile() as log:
        environment = {**os.environ, "PYTHON": sys.executable}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        try:
            deadline = time.monotonic() + 240
            while process.poll() is None and time.monotonic() < deadline:
                try:
                    httpx.get(f"http://127.0.0.1:{port}/health").raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.5)
            else:
                log.seek(0)
                raise AssertionError(log.read()[-3000:].decode())
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)
