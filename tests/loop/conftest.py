"""The local world in the test's own process, so that every exchange with its GitHub is checked."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.local.world import World
from tests.contract.plugin import Watch

ARBORIST = str(Path(sys.executable).with_name("arborist"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, contract: Watch) -> Iterator[World]:
    """A world that is up."""
    running = World(tmp_path_factory.mktemp("world"), middleware=contract.middleware)
    contract.watch(running.github)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def world(served: World) -> dict[str, Any]:
    """What `arborist local up` prints."""
    return served.address()


def clean() -> dict[str, str]:
    """The environment without anything that points somewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "HF_"))}
