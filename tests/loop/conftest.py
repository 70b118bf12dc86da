"""The local world as a stranger meets it: a command, one JSON line, and HTTP."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ARBORIST = str(Path(sys.executable).with_name("arborist"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """`arborist local up`, and what it printed."""
    data = tmp_path_factory.mktemp("world")
    process = subprocess.Popen(
        [ARBORIST, "local", "up", "--data", str(data)], stdout=subprocess.PIPE, text=True, env=clean()
    )
    assert process.stdout is not None
    address: dict[str, Any] = json.loads(process.stdout.readline())
    yield address
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


def clean() -> dict[str, str]:
    """The environment without anything that points somewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "HF_"))}
