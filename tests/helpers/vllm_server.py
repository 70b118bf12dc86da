"""vLLM's server of the embedded model, by the profile `cpu`, as `arborist teacher up` starts it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.inference.teacher_server import TEACHER_URL
from tests import ROOT


@dataclass(frozen=True)
class Served:
    """A server that is healthy.

    Attributes:
        url: the base URL of its API.
        process: `arborist teacher up`, which keeps it.
    """

    url: str
    process: "subprocess.Popen[str]"


@contextmanager
def serving() -> Iterator[Served]:
    """Serve the embedded model until the end of the block."""
    arborist = str(Path(sys.executable).with_name("arborist"))
    command = [arborist, "teacher", "up", "--recipe", str(ROOT / "arborist.yaml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name, _, url = process.stdout.readline().strip().partition("=")
        try:
            assert name == TEACHER_URL
            yield Served(url, process)
        finally:
            process.terminate()
