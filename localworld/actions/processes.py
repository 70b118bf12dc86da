"""Find and terminate the processes of jobs, by an environment variable, as GitHub's runner does."""

import contextlib
import time
from collections.abc import Iterable

import psutil

GRACE_S = 3.0
SETTLE_S = 0.1
"""The time between two scans for processes: one that is just starting shows no environment."""


def marked(name: str, value: str) -> list[psutil.Process]:
    """Return all processes whose environment has a variable with this value."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(name) == value:
                found.append(process)
    return found


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all its descendants; [] if it has ended."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def end(processes: Iterable[psutil.Process]) -> None:
    """Send SIGTERM, then SIGKILL to processes that still run after GRACE_S seconds."""
    everyone = list(dict.fromkeys(processes))
    for process in everyone:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(everyone, timeout=GRACE_S)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=GRACE_S)


def end_marked(name: str, value: str) -> None:
    """Terminate all processes whose environment has a variable with this value, until two scans find none."""
    clean = 0
    while clean < 2:
        found = marked(name, value)
        end(found)
        clean = 0 if found else clean + 1
        time.sleep(0 if clean == 2 else SETTLE_S)
