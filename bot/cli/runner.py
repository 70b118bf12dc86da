"""The command for whoever owns the GPU machine: a runner that takes one job and is gone."""

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.root import app

_VARIABLE = "ARBORIST_RUNNER_"


_Software = Annotated[
    Path, typer.Option(help="The folder with GitHub's runner (run.sh).", envvar=f"{_VARIABLE}SOFTWARE")
]
_Label = Annotated[
    list[str] | None,
    typer.Option(
        help="A label of the runner; repeatable. Default: labels and group of the variable ARBORIST_RUNNER.",
        envvar=f"{_VARIABLE}LABEL",
    ),
]
_Group = Annotated[str, typer.Option(help="The organization's runner group.", envvar=f"{_VARIABLE}GROUP")]
_ReadOnly = Annotated[
    list[Path] | None,
    typer.Option(
        help="A file or folder that jobs may read, such as models; repeatable.",
        envvar=f"{_VARIABLE}READ_ONLY",
    ),
]
_Store = Annotated[
    Path | None,
    typer.Option(help="A folder that jobs may write, if the store is one.", envvar=f"{_VARIABLE}STORE"),
]
_User = Annotated[
    str, typer.Option(help="The user of the job's processes, if root starts this.", envvar=f"{_VARIABLE}USER")
]
_SpaceGib = Annotated[
    float, typer.Option(help="GiB for a job's files.", min=0.001, envvar=f"{_VARIABLE}SPACE_GIB")
]
_Disk = Annotated[
    Path | None,
    typer.Option(
        help="The folder where a job's files are kept. Needs root. Default: memory.",
        envvar=f"{_VARIABLE}DISK",
    ),
]
_JobHours = Annotated[
    float, typer.Option(help="Hours after which a job is ended.", min=0, envvar=f"{_VARIABLE}JOB_HOURS")
]
_DayHours = Annotated[
    float | None,
    typer.Option(
        help="GPU hours of jobs a day (UTC), on this machine. Default: no ceiling.",
        min=0,
        envvar=f"{_VARIABLE}DAY_HOURS",
    ),
]
_IdleMinutes = Annotated[
    float,
    typer.Option(help="Minutes to wait for a job before ending.", min=0, envvar=f"{_VARIABLE}IDLE_MINUTES"),
]


@app.command()
def runner(
    software: _Software = Path("/opt/actions-runner"),
    label: _Label = None,
    group: _Group = "",
    read_only: _ReadOnly = None,
    store: _Store = None,
    user: _User = "nobody",
    space_gib: _SpaceGib = 16,
    disk: _Disk = None,
    job_hours: _JobHours = 24,
    day_hours: _DayHours = None,
    idle_minutes: _IdleMinutes = 60,
) -> None:
    """Run one job of the repository on this machine, isolated from it, and end. Needs GITHUB_TOKEN.

    Exits with 0 after a job, whatever became of it, and if none came; with 2 if none can be taken.
    """
    from bot.github.client import connect, github_errors
    from bot.github.runners import Wanted, wanted_runner
    from bot.runner import gpus
    from bot.runner.disk import Disk
    from bot.runner.gpu_hours import HOUR_S, Account
    from bot.runner.once import Limits, Runner, name_prefix, state_folder
    from bot.runner.registration import Runners
    from bot.runner.sandbox import Sandbox

    # As a service is stopped: the sandbox ends, the runner is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with github_errors(f"reading {os.environ.get('GITHUB_REPOSITORY')}"):
        repository = connect()
        wanted = Wanted(tuple(label), group) if label else wanted_runner(repository)
    labels = wanted.labels or ("self-hosted",)
    folder = state_folder()
    Runner(
        Runners(repository, labels, group or wanted.group, name_prefix()),
        Sandbox(software, Disk(space_gib, disk), tuple(read_only or ()), store, user),
        Account(folder, gpus.count(), day_hours),
        Limits(60 * idle_minutes, HOUR_S * job_hours),
        folder,
    ).run()
