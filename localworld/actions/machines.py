"""The runner machines of jobs, as minimal as GitHub's.

A job with the label of a hosted runner (`ubuntu-…`) gets an empty home folder that is deleted after the job.
All other jobs run on one self-hosted machine, which keeps its home folder, tool cache and work folders. PATH
has python3, git and the system's /usr/bin, but nothing of the environment that the local world runs in.
"""

import os
import shutil
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

SHELLS = ("bash", "sh", "python", "python3")
"""The shells of `run` steps."""
_REMOTE_SHELL = Path(__file__).with_name("remote_shell.py")
INHERITED = (
    *("PIP_", "UV_", "SSL_CERT_", "REQUESTS_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    "OMP_NUM_THREADS",
)
"""Prefixes of environment variables for registries, proxies and the number of threads; jobs inherit these."""


@dataclass(frozen=True)
class Setting:
    """The configuration of the machines.

    Attributes:
        given: environment variables of all jobs.
        own: additional environment variables of the self-hosted machine.
        tool_cache: the folder of two tool caches: that of hosted runners, which their jobs share to save
            time, and that of the self-hosted machine.
    """

    given: Mapping[str, str]
    own: Mapping[str, str]
    tool_cache: Path


class Machines:
    """Assigns a machine to each job.

    Args:
        data: the folder for the self-hosted machine's folders.
        setting: the configuration.
    """

    def __init__(self, data: Path, setting: Setting) -> None:
        self.data, self.setting = data, setting
        self.path = _path(data / "image")
        self._lock = threading.Lock()
        self._work: dict[str, Path] = {}

    def enter(
        self, ticket: str, labels: Iterable[str], repository: str, folder: Path
    ) -> tuple[dict[str, str], str]:
        """Assign a machine to a job that starts.

        Args:
            ticket: the job's ticket.
            labels: the labels of `runs-on`.
            repository: the repository, as owner/name.
            folder: the run's folder.

        Returns:
            The job's environment variables, and its persistent work folder ("" on a hosted runner).
        """
        hosted = is_hosted(labels)
        home = folder / "homes" / ticket if hosted else self.data / "own" / "home"
        cache = self.setting.tool_cache / ("hosted" if hosted else "own")
        for place in (home, cache):
            place.mkdir(parents=True, exist_ok=True)
        kind = "github-hosted" if hosted else "self-hosted"
        places = {"HOME": str(home), "RUNNER_TOOL_CACHE": str(cache), "RUNNER_ENVIRONMENT": kind}
        given = {**inherited(), **self.setting.given, **places}
        if hosted:
            return {**given, "PATH": self.path}, ""
        # Debian and Ubuntu put programs of the user into ~/.local/bin.
        path = f"{home}/.local/bin{os.pathsep}{self.path}"
        work = self._take(ticket) / repository.rpartition("/")[2]
        work.mkdir(parents=True, exist_ok=True)
        return {**given, **self.setting.own, "PATH": path}, str(work)

    def remote(self) -> dict[str, str]:
        """Return the environment of a job on a just-in-time runner, with shells that hand scripts to it."""
        return {**self.setting.given, "PATH": _remote_path(self.data / "remote")}

    def leave(self, ticket: str) -> None:
        """Release the work folder of a job that has ended."""
        with self._lock:
            self._work.pop(ticket, None)

    def _take(self, ticket: str) -> Path:
        """Return the first work folder that no other job uses, as if each belonged to a separate runner."""
        with self._lock:
            if ticket not in self._work:
                taken = set(self._work.values())
                folders = (self.data / "own" / "work" / str(number) for number in range(len(taken) + 1))
                self._work[ticket] = next(folder for folder in folders if folder not in taken)
            return self._work[ticket]


def inherited() -> dict[str, str]:
    """Return this machine's environment variables for registries, proxies and the number of threads."""
    return {name: value for name, value in os.environ.items() if name.startswith(INHERITED)}


def is_hosted(labels: Iterable[str]) -> bool:
    """Return whether `runs-on` asks for a hosted runner."""
    return all(label.lower().startswith("ubuntu-") for label in labels)


def _remote_path(folder: Path) -> str:
    """Return a PATH with nothing but remote_shell.py, under the names of shells."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SHELLS:
        file = folder / name
        if not file.exists():
            file.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{_REMOTE_SHELL}" {name} "$@"\n')
            file.chmod(0o755)
    return str(folder)


def _path(image: Path) -> str:
    """Return a PATH with this Python's base installation, git, and the system's programs."""
    folder = image / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    python = f"{sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    programs = {"python3": python, "python": python}  # GitHub's images have both names
    if not Path("/usr/bin/git").exists():
        programs["git"] = shutil.which("git") or ""
    for name, target in programs.items():
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    return os.pathsep.join([str(folder), "/usr/bin", "/bin"])
