"""A Hub on a free port for each test, and the maintainer's client."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from huggingface_hub.utils import disable_progress_bars

from tests.helpers.local_hub import RunningHub, free_port, running


@pytest.fixture(autouse=True, scope="session")
def xet_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the Xet library remembers of its uploads stays out of the home folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_XET_CACHE", str(tmp_path_factory.mktemp("xet")))
        yield


@pytest.fixture(autouse=True)
def fresh_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test finds what another one downloaded, and none reports progress."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    disable_progress_bars()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningHub]:
    with running(tmp_path / "hub", free_port()) as started:
        yield started


@pytest.fixture
def api(hub: RunningHub) -> HfApi:
    """The maintainer's client."""
    return hub.api()


@pytest.fixture
def run_python(hub: RunningHub, tmp_path: Path) -> Callable[..., str]:
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
