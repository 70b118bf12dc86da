"""The set-up: an environment with one commit of the bot, and the extras that the job and its recipe need.

Run by setup.sh as a step of a job, and by the Makefile for developers (`develop FOLDER EXTRA…`). It needs
Python's standard library only:

    step         what a step does
    environments kept environments: complete, unaltered, one at a time, not too many
    machine      the registries, the GPU, and the variables that child processes get
    packages     what is installed, and how much of it is downloaded
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from environments import Environments
from machine import Machine, SetupError, run
from packages import Bot, Installer, pinned

SOURCE = Path(__file__).resolve().parent.parent.parent.parent


def step(scratch: Path) -> None:
    """Install what the job needs, and put it first on PATH for the steps that follow."""
    machine = Machine.of_a_job(scratch)
    bot = Bot.find(SOURCE, machine)
    with Environments(machine.folder) as kept:
        installers: list[Installer] = []

        def installer() -> Installer:
            """Made when something has to be installed, which is seldom."""
            if not installers:
                version = pinned(SOURCE, "uv")
                uv = kept.get(f"uv-{version}", lambda folder, _: machine.install_uv(folder, version))
                installers.append(Installer(SOURCE, uv / "bin" / "uv", machine.with_registries(uv), scratch))
            return installers[0]

        def environment(extras: Sequence[str]) -> Path:
            return kept.get(
                bot.name(extras), lambda folder, fresh: installer().make(folder, bot, extras, fresh)
            )

        core = environment(())
        extras = _extras(core, machine)
        used = environment(extras) if extras else core
        kept.prune({core.name, used.name})
    with Path(os.environ["GITHUB_PATH"]).open("a") as file:
        file.write(f"{used / 'bin'}\n")
    print(f"arborist is {used}")


def _extras(core: Path, machine: Machine) -> list[str]:
    """The extras that the bot names; without a GPU, vLLM's other build."""
    command = [core / "bin" / "python", "-I", "-m", "bot.extras", os.environ["JOB"]]
    found = run(*command, env=machine.environment, cwd=Path(os.environ["GITHUB_WORKSPACE"])).split()
    return [f"{extra}-cpu" if extra == "vllm" and not machine.has_gpu() else extra for extra in found]


def develop(folder: Path, extras: Sequence[str], scratch: Path) -> None:
    """Install this checkout for a developer, so that changes to it count at once."""
    machine = Machine.of_a_developer()
    python = folder / "bin" / "python"
    if not (folder / "bin" / "uv").exists():
        machine.install_uv(folder, pinned(SOURCE, "uv"))
    installer = Installer(SOURCE, folder / "bin" / "uv", machine.with_registries(folder), scratch)
    installer.install(python, ["--editable", f"{SOURCE}[{','.join(extras)}]"], extras)


def main() -> None:
    """Do what the command line says; an error is one line."""
    mark = "::error::" if "GITHUB_ACTIONS" in os.environ else ""
    try:
        with tempfile.TemporaryDirectory(dir=os.environ.get("RUNNER_TEMP")) as scratch:
            if sys.argv[1:2] == ["develop"]:
                develop(Path(sys.argv[2]).absolute(), sys.argv[3:], Path(scratch))
            else:
                step(Path(scratch))
    except (SetupError, OSError) as error:
        sys.exit(f"{mark}set-up: {error}")
    except subprocess.TimeoutExpired as error:
        late = f"{error.cmd[0]} took over {error.timeout:.0f} s; see whether the registry answers"
        sys.exit(f"{mark}set-up: {late}")
