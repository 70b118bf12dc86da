"""A Hub on a free port for each test, and clients with the tokens of its users."""

import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from huggingface_hub import HfApi

from bot.local.hub import HubUser, create_hub

USERS = {
    "hf_maintainer": HubUser("mona", ("lab",), can_write=True),
    "hf_reader": HubUser("rita", ("lab",), can_write=False),
    "hf_outsider": HubUser("otto", (), can_write=True),
}


@dataclass(frozen=True)
class RunningHub:
    """A Hub that answers, and where its data is."""

    url: str
    root: Path

    def api(self, token: str | bool = "hf_maintainer") -> HfApi:
        return HfApi(endpoint=self.url, token=token)

    def stored_bytes(self) -> int:
        """How much content lies on disk."""
        folders = (self.root / "blobs", self.root / "xorbs")
        return sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(root: Path, port: int) -> Iterator[RunningHub]:
    """Serve the data under `root` until the end of the block."""
    url = f"http://127.0.0.1:{port}"
    config = uvicorn.Config(create_hub(root, url, USERS), host="127.0.0.1", port=port, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the Hub did not start"
        assert time.monotonic() < deadline, "the Hub did not start in time"
        time.sleep(0.01)
    try:
        yield RunningHub(url, root)
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningHub]:
    with running(tmp_path / "hub", free_port()) as started:
        yield started


@pytest.fixture
def api(hub: RunningHub) -> HfApi:
    """The maintainer's client."""
    return hub.api()


RunPython = Callable[..., str]


@pytest.fixture
def run_python(hub: RunningHub, tmp_path: Path) -> RunPython:
    """Run a script in a process of its own, because the client reads its environment when it is imported."""

    def run(script: str, *arguments: str, **environment: str) -> str:
        own = {
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": "hf_maintainer",
            "HF_HOME": str(tmp_path / "hf-home"),
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            env={**os.environ, **own, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that do not compress, the same for the same seed."""
    return hashlib.shake_256(str(seed).encode()).digest(size)
