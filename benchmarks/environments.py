"""Environments of their own for what is measured beside arborist; made once, in .arborist/bench."""

import subprocess
import sys
from pathlib import Path

from tests import ROOT

# Some ask for builds for CUDA that break on a machine without.
WITHOUT = 'torchvision; sys_platform == "never"\ntorchaudio; sys_platform == "never"\n'


def environment(package: str) -> Path:
    """The Python of an environment with a package and this project's torch.

    Raises:
        subprocess.CalledProcessError: it cannot be installed.
    """
    folder = ROOT / ".arborist" / "bench" / package
    python = folder / "bin" / "python"
    uv = str(Path(sys.executable).with_name("uv"))
    if not (folder / "ready").exists():
        subprocess.run([uv, "venv", "-q", "--clear", "-p", sys.executable, "--seed", folder], check=True)
        (folder / "overrides.txt").write_text(WITHOUT)
        torch = next(
            line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("torch==")
        )
        subprocess.run([python, "-m", "pip", "install", "-q", torch], check=True)
        command = [uv, "pip", "install", "-q", "-p", python, "--overrides", folder / "overrides.txt"]
        subprocess.run([*command, torch, package], check=True, capture_output=True, text=True)
        (folder / "ready").touch()
    return python
