"""The machine's GPUs: device files, number, and memory that is in use."""

import shutil
import subprocess
from pathlib import Path

from bot.core.errors import UserError

DEVICES = ("nvidia*", "dri", "kfd", "dxg")
"""Patterns of device files and folders of GPUs in /dev."""
TIMEOUT_S = 30.0


def devices() -> list[str]:
    """Return the paths of all device files and folders of GPUs."""
    return sorted(str(path) for pattern in DEVICES for path in Path("/dev").glob(pattern))


def count() -> int:
    """Return the number of NVIDIA GPUs; 1 if there is none, so that hours are counted on any machine."""
    return len(list(Path("/dev").glob("nvidia[0-9]*"))) or 1


def memory_in_use() -> dict[str, int] | None:
    """Return the MiB in use on each GPU, by index.

    Returns:
        None if processes that `nvidia-smi` lists explain the use, or if there is no `nvidia-smi`.

    Raises:
        UserError: `nvidia-smi` hangs.
    """
    if shutil.which("nvidia-smi") is None or _ask("--query-compute-apps=pid"):
        return None
    rows = [row.split(",") for row in _ask("--query-gpu=index,memory.used")]
    return {index.strip(): int(used) for index, used in rows if used.strip().isdecimal()}


def _ask(query: str) -> list[str]:
    command = ["nvidia-smi", query, "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise UserError(f"nvidia-smi has not answered within {TIMEOUT_S:g} s; restart the machine") from None
    return [line for line in done.stdout.splitlines() if line.strip()] if done.returncode == 0 else []
