"""The machines that jobs run on, as bare as GitHub's.

A job with labels of GitHub's own machines (`ubuntu-…`) has an empty home folder, which goes with the job. All
other jobs run on one machine of the lab's own. It keeps what they leave: the home folder, the tool cache, the
work folders. On PATH there are python3, git and the system's /usr/bin, and nothing of the environment in
which the local world itself runs.
"""

import os
import shutil
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

REGISTRIES = (
    *("PIP_", "UV_", "SSL_CERT_", "REQUESTS_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
"""How variables begin by which this machine reaches package registries; jobs reach them likewise."""


@dataclass(frozen=True)
class Setting:
    """How the machines are set up.

    Attributes:
        given: variables of all jobs.
        own: variables of the lab's own machine beside these.
        tool_cache: the tool cache of GitHub's machines, which their jobs share to save time.
    """

    given: Mapping[str, str]
    own: Mapping[str, str]
    tool_cache: Path


class Machines:
    """Gives each job its machine.

    Args:
        data: where the lab's own machine has its folders.
    """

    def __init__(self, data: Path, setting: Setting) -> None:
        self.data, self.setting = data, setting
        self.path = _path(data / "image")
        self._lock = threading.Lock()
        self._work: dict[str, Path] = {}

    def enter(
        self, ticket: str, labels: Iterable[str], repository: str, folder: Path
    ) -> tuple[dict[str, str], str]:
        """The variables that a job gets, and the work folder that is kept for it; "" where none is.

        Args:
            labels: of `runs-on`.
            folder: the run's.
        """
        hosted = is_hosted(labels)
        home = folder / "homes" / ticket if hosted else self.data / "own" / "home"
        cache = self.setting.tool_cache if hosted else self.data / "own" / "tool-cache"
        for place in (home, cache):
            place.mkdir(parents=True, exist_ok=True)
        given = {**registries(), **self.setting.given, "HOME": str(home), "RUNNER_TOOL_CACHE": str(cache)}
        if hosted:
            return {**given, "PATH": self.path}, ""
        # Where Debian and Ubuntu have a user's own programs.
        path = f"{home}/.local/bin{os.pathsep}{self.path}"
        work = self._take(ticket) / repository.rpartition("/")[2]
        work.mkdir(parents=True, exist_ok=True)
        return {**given, **self.setting.own, "PATH": path}, str(work)

    def leave(self, ticket: str) -> None:
        """Free the work folder of a job that has ended."""
        with self._lock:
            self._work.pop(ticket, None)

    def _take(self, ticket: str) -> Path:
        """The first folder that no other job works in, as if each belonged to a runner of its own."""
        with self._lock:
            if ticket not in self._work:
                taken = set(self._work.values())
                folders = (self.data / "own" / "work" / str(number) for number in range(len(taken) + 1))
                self._work[ticket] = next(folder for folder in folders if folder not in taken)
            return self._work[ticket]


def registries() -> dict[str, str]:
    """The variables by which this machine reaches package registries."""
    return {name: value for name, value in os.environ.items() if name.startswith(REGISTRIES)}


def is_hosted(labels: Iterable[str]) -> bool:
    """Whether `runs-on` asks for a machine of GitHub's."""
    return all(label.lower().startswith("ubuntu-") for label in labels)


def _path(image: Path) -> str:
    """A PATH with this Python's base, git, and the system's programs."""
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
