"""The machine that set-up runs on: package registries, GPU, and the environment of child processes."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

GPU = ("/dev/nvidiactl", "/dev/dxg")
"""Device files of an NVIDIA driver; the second is WSL's."""
TIMEOUT_S = 3600
_REGISTRIES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
}
"""pip's settings -> uv's environment variables with the same meaning."""


class SetupError(Exception):
    """An error that the machine's administrator or the recipe's author can fix; shown as one line."""


def run(*command: object, env: Mapping[str, str], cwd: Path | None = None) -> str:
    """Run a command and return its stdout.

    Raises:
        SetupError: the command failed; the message is the end of its output.
        subprocess.TimeoutExpired: the command ran longer than TIMEOUT_S seconds.
    """
    words = [str(word) for word in command]
    done = subprocess.run(words, env=env, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_S)
    if done.returncode:
        raise SetupError(
            _reason(done.stderr or done.stdout) or f"{words[0]} failed with exit code {done.returncode}"
        )
    return done.stdout


def _reason(output: str) -> str:
    """Return one line that explains a failure, from the output of a failed program.

    For the bot this is its error message, for uv the first lines of its tree of causes, and for pip, git and
    others the last line.
    """
    lines = [re.sub(r"^[^\w`'\"]+", "", line) for line in output.splitlines() if line.strip()]
    if lines and lines[0].startswith("arborist: "):
        return lines[0].removeprefix("arborist: ")
    errors = [line for line in lines if not line.startswith(("WARNING", "warning"))]
    return " ".join(errors[:4] if "─▶" in output else errors[-1:])


@dataclass(frozen=True)
class Machine:
    """The machine's configuration for set-up.

    Attributes:
        environment: the environment variables of all child processes.
        folder: the folder that holds the reused Python environments and downloads.
    """

    environment: Mapping[str, str]
    folder: Path

    @classmethod
    def of_a_job(cls, home: Path) -> "Machine":
        """Return the configuration for a job.

        The user's home folder is not read, since earlier jobs can write to it. System-wide settings are
        read: /etc/pip.conf and the environment variables of pip and uv.

        Args:
            home: an empty folder that becomes the home folder of child processes.
        """
        folder = _folder()
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
        """Return the configuration for a developer, with the developer's own settings."""
        return cls({**os.environ, **_QUIET}, _folder())

    def has_gpu(self) -> bool:
        """Return whether the machine has an NVIDIA driver."""
        return any(Path(device).exists() for device in GPU)

    def install_uv(self, folder: Path, version: str) -> None:
        """Create an environment with pip and uv.

        Raises:
            SetupError: Python's venv module is missing, or uv cannot be downloaded.
        """
        print(f"set-up: downloading uv {version} (about 25 MB)", flush=True)
        python = os.path.realpath(sys.executable)
        try:
            run(python, "-I", "-m", "venv", folder, env=self.environment)
        except SetupError as error:
            raise SetupError(
                f"{python} -m venv failed: {error} (on Debian and Ubuntu: apt install python3-venv)"
            ) from None
        pip = [folder / "bin" / "python", "-I", "-m", "pip", "install", "--quiet", "--no-deps"]
        try:
            run(*pip, f"uv=={version}", env=self.environment)
        except SetupError as error:
            raise SetupError(
                f"cannot install uv {version}: {error}; check the network and pip's settings"
            ) from None

    def with_registries(self, environment: Path) -> "Machine":
        """Return this configuration with uv set to use the package registries that pip is configured for.

        Args:
            environment: the folder of an environment that has pip.
        """
        python = environment / "bin" / "python"
        listed = run(python, "-I", "-m", "pip", "config", "list", env=self.environment)
        settings: dict[str, str] = {}
        for line in listed.splitlines():
            name, _, value = line.partition("=")
            # pip lists environment variables first; they have precedence.
            settings.setdefault(name.rpartition(".")[2], str(ast.literal_eval(value)))
        found = {ours: settings[theirs] for theirs, ours in _REGISTRIES.items() if theirs in settings}
        if "UV_FIND_LINKS" in found:
            found["UV_FIND_LINKS"] = ",".join(found["UV_FIND_LINKS"].split())
        # pip compares the versions of all indexes; uv by default uses only the first one that has a package.
        found |= {"UV_INDEX_STRATEGY": "unsafe-best-match"} if "UV_INDEX" in found else {}
        return replace(self, environment={**found, **self.environment})


def _folder() -> Path:
    """Return the tool cache's folder of a job, or without one that of the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("RUNNER_TOOL_CACHE") or cache) / "arborist"


_QUIET = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "UV_NO_PROGRESS": "1",
    "UV_PYTHON_DOWNLOADS": "never",
    # DeepSpeed compiles its operators on first use, not at installation.
    "DS_BUILD_OPS": "0",
}
