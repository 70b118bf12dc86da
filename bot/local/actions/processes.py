"""The processes of jobs: found by what their environment says, as GitHub's runner does it, and ended."""

import contextlib
from collections.abc import Iterable

import psutil

GRACE_S = 3.0


def marked(name: str, value: str) -> list[psutil.Process]:
    """All processes that were started with a variable of this value."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(name) == value:
                found.append(process)
    return found


def family(pid: int) -> list[psutil.Process]:
    """A process and all that come from it; nothing if it has ended."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def end(processes: Iterable[psutil.Process]) -> None:
    """SIGTERM; after three seconds SIGKILL."""
    everyone = list(dict.fromkeys(processes))
    for process in everyone:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(everyone, timeout=GRACE_S)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=GRACE_S)
