"""A Hub that runs on a thread of the test, and bytes to push to it."""

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from huggingface_hub import HfApi
from starlette.types import ASGIApp

from localworld.hub import HubUser, create_hub

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
def running(
    root: Path, port: int, around: Callable[[ASGIApp], ASGIApp] = lambda app: app
) -> Iterator[RunningHub]:
    """Serve the data under `root` until the end of the block.

    `around` may put something between the Hub and its clients.
    """
    url = f"http://127.0.0.1:{port}"
    hub = around(create_hub(root, url, USERS))
    config = uvicorn.Config(hub, host="127.0.0.1", port=port, log_level="warning")
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


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that do not compress, the same for the same seed."""
    return hashlib.shake_256(str(seed).encode()).digest(size)
