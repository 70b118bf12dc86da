"""The machine: its registries, whether it has a GPU, and the variables that child processes get."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

GPU = ("/dev/nvidiactl", "/dev/dxg")
"""One of these is there where an NVIDIA driver is; the second in WSL."""
TIMEOUT_S = 3600
_REGISTRIES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
}
"""pip's settings, and the variables by which uv takes the same."""


class SetupError(Exception):
    """Something that the person who runs the machine or writes the recipe can fix; shown as one line."""


def run(*command: object, env: Mapping[str, str], cwd: Path | None = None) -> str:
    """What a command prints on stdout.

    Raises:
        SetupError: it failed; the message is what it said last.
    """
    words = [str(word) for word in command]
    done = subprocess.run(words, env=env, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_S)
    if done.returncode:
        raise SetupError(_reason(done.stderr or done.stdout) or f"{words[0]} ended with {done.returncode}")
    return done.stdout


def _reason(said: str) -> str:
    """What a program said, as one line: all after its own name, or of pip and git the last line."""
    # uv draws a tree of causes.
    lines = [re.sub(r"^[^\w`'\"]+", "", line) for line in said.splitlines() if line.strip()]
    if lines and lines[0].startswith("arborist: "):
        return lines[0].removeprefix("arborist: ")
    ours = [line for line in lines if not line.startswith(("WARNING", "warning"))]
    return " ".join(ours[:4] if "─▶" in said else ours[-1:])


@dataclass(frozen=True)
class Machine:
    """What set-up knows of the machine.

    Attributes:
        environment: the variables of all child processes.
        folder: where environments are kept.
    """

    environment: Mapping[str, str]
    folder: Path

    @classmethod
    def of_a_job(cls, home: Path) -> "Machine":
        """The machine of a job. Its home folder, which earlier jobs have written to, is not read.

        Settings of the machine count: /etc/pip.conf, and the variables of pip and uv.

        Args:
            home: an empty folder that child processes get for their home.
        """
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = Path(os.environ.get("RUNNER_TOOL_CACHE") or cache) / "arborist"
        foreign = ("PYTHON", "XDG_", "CONDA_", "VIRTUAL_ENV", "GIT_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        ours = {
            "HOME": str(home),
            "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(folder / "cache"),
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        return cls(kept | _QUIET | ours, folder)

    @classmethod
    def of_a_developer(cls) -> "Machine":
        """The machine of a developer, whose own settings count."""
        return cls({**os.environ, **_QUIET}, Path())

    def has_gpu(self) -> bool:
        """Whether torch's build for a GPU is of use."""
        return any(Path(device).exists() for device in GPU)

    def install_uv(self, folder: Path, version: str) -> None:
        """Make an environment with pip and uv."""
        print(f"set-up: downloads uv {version} (about 25 MB)", flush=True)
        python = os.path.realpath(sys.executable)
        try:
            run(python, "-I", "-m", "venv", folder, env=self.environment)
        except SetupError as error:
            raise SetupError(
                f"{python} -m venv: {error} (Debian and Ubuntu: apt install python3-venv)"
            ) from None
        pip = [folder / "bin" / "python", "-I", "-m", "pip", "install", "--quiet", "--no-deps"]
        try:
            run(*pip, f"uv=={version}", env=self.environment)
        except SetupError as error:
            raise SetupError(
                f"cannot install uv {version}: {error}; check the network and pip's settings"
            ) from None

    def with_registries(self, environment: Path) -> "Machine":
        """The same machine, where uv takes packages from the places that pip is configured for.

        Args:
            environment: one that has pip.
        """
        python = environment / "bin" / "python"
        listed = run(python, "-I", "-m", "pip", "config", "list", env=self.environment)
        stated: dict[str, str] = {}
        for line in listed.splitlines():
            name, _, value = line.partition("=")
            # Variables come first in the list, and win.
            stated.setdefault(name.rpartition(".")[2], str(ast.literal_eval(value)))
        found = {ours: stated[theirs] for theirs, ours in _REGISTRIES.items() if theirs in stated}
        if "UV_FIND_LINKS" in found:
            found["UV_FIND_LINKS"] = ",".join(found["UV_FIND_LINKS"].split())
        # pip compares what all indexes offer; uv by itself stops at the first that knows a package.
        found |= {"UV_INDEX_STRATEGY": "unsafe-best-match"} if "UV_INDEX" in found else {}
        return replace(self, environment={**found, **self.environment})


_QUIET = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "UV_NO_PROGRESS": "1",
    "UV_PYTHON_DOWNLOADS": "never",
    # DeepSpeed compiles its operators on first use; set-up builds none.
    "DS_BUILD_OPS": "0",
}
