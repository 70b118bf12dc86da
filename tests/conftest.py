"""What all tests share: GitHub's contract, the installed package, and how properties draw their examples."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.helpers.local_hub import RunningHub

pytest_plugins = ["pytester", "tests.contract.plugin", "tests.package.plugin"]

# As the bot's programs do; else a tenth of the time goes into the search for garbage.
gc.set_threshold(50_000, 20, 100)

# On GitHub's own runners the tests make stores in folders, too, and those are folders of the same machine.
os.environ.pop("RUNNER_ENVIRONMENT", None)

# `make test` draws the same examples each time, so that a test cannot fail by its draw. `make fuzz` explores;
# what it finds is written into the test as an @example.
_SLOW = [HealthCheck.too_slow]
settings.register_profile("test", derandomize=True, deadline=20_000, suppress_health_check=_SLOW)
settings.register_profile(
    "fuzz", max_examples=4_000, deadline=2_000, print_blob=True, suppress_health_check=_SLOW
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))


@pytest.fixture
def local_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[RunningHub]":
    """A Hub that is empty, to which this process may write; outside any workflow."""
    from tests.helpers.local_hub import free_port, running  # the core dependencies do without it

    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", "hf_maintainer")
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    with running(tmp_path / "hub", free_port()) as serving:
        monkeypatch.setenv("HF_ENDPOINT", serving.url)
        yield serving
