"""The package as others have it: a wheel, installed alone into an environment with the core dependencies."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from localworld.seed import commit_tree
from tests import ROOT

UV = Path(sys.executable).with_name("uv")
UNUSED = ("tests", "localworld", "docs", "benchmarks")
"""Folders that no job reads. The tests run some hundred jobs, each with up to three checkouts."""


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with this environment and nothing else of ours."""
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True
    )


def built(command: subprocess.CompletedProcess[str]) -> str:
    """The output of a command that must succeed."""
    assert command.returncode == 0, command.stdout + command.stderr
    return command.stdout.strip()


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel and what it requires.

    Attributes:
        python: its interpreter.
        commit: the commit that the wheel was built from.
        home: an empty home folder, for whoever runs it.
    """

    python: Path
    commit: str
    home: Path

    @property
    def arborist(self) -> Path:
        return self.python.with_name("arborist")

    def environment(self, **more: str) -> dict[str, str]:
        """A clean environment, in which nothing of the checkout can be found."""
        path = os.pathsep.join([str(self.python.parent), "/usr/bin", "/bin"])
        return {"PATH": path, "HOME": str(self.home), **more}

    def run(self, *arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `arborist` there."""
        return run(self.arborist, *arguments, cwd=cwd, **self.environment(**environment))


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git checkout of this project, as it is on disk, without the folders that no job reads."""
    folder = tmp_path_factory.mktemp("project")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, tracked.stdout.split("\0")):
        if name.partition("/")[0] not in UNUSED and (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, check=True)
    subprocess.run(["git", "add", "--all", "--force"], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="session")
def bot_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout, as it is on disk, as one commit in a bare repository."""
    bare = tmp_path_factory.mktemp("published") / "arborist.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
    commit_tree(ROOT, bare)
    return bare


@pytest.fixture(scope="session")
def build_wheel() -> Callable[[Path, Path], Path]:
    """Builds a wheel from a folder of sources into another; returns its path."""

    def build(source: Path, target: Path) -> Path:
        command = [UV, "build", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", target]
        built(run(*command, source, cwd=source, **os.environ))
        [wheel] = target.glob("*.whl")
        return wheel

    return build


@pytest.fixture(scope="session")
def installed(
    bot_repository: Path, build_wheel: Callable[[Path, Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    """The wheel in a new environment, with the core dependencies in the versions of the lock."""
    folder = tmp_path_factory.mktemp("installed")
    built(run("git", "clone", "-q", bot_repository, folder / "source", cwd=folder, **os.environ))
    wheel = build_wheel(folder / "source", folder / "wheel")
    commit = built(run("git", "rev-parse", "HEAD", cwd=folder / "source", **os.environ))
    built(run(UV, "venv", "-q", "--python", sys.executable, folder / "env", cwd=folder, **os.environ))
    python = folder / "env" / "bin" / "python"
    install = [UV, "pip", "install", "-q", "--python", python, "-c", ROOT / "constraints.txt", wheel]
    built(run(*install, cwd=folder, **os.environ))
    (folder / "home").mkdir()
    return Installed(python, commit, folder / "home")
