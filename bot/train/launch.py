"""Launching a job with torchrun, one process per device."""

import gc
import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

from bot.core.errors import UserError
from bot.core.relayed_progress import relayed
from bot.train.job import Job


def launch(job: Job) -> None:
    """Train a job with DeepSpeed, in several processes.

    Raises:
        UserError: torchrun failed.
    """
    free_memory()
    file = write_job(job)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc_per_node={job.processes}", "-m", "bot.train.worker", str(file)]
    # DeepSpeed uses deprecated functions of PyTorch, each of which prints a warning.
    quiet = os.environ | {"PYTHONWARNINGS": "ignore::FutureWarning"}
    with (
        relayed(job.work),
        subprocess.Popen(command, env=quiet, stdin=subprocess.PIPE) as torchrun,
    ):
        # Not communicate(), which would close stdin: workers end when stdin is closed (worker.py).
        code = torchrun.wait()
    if code:
        raise UserError(f"train {job.name}: torchrun exited with code {code}; see its output above")


def write_job(job: Job) -> Path:
    """Write a job to a file in its work folder, for the processes that train it."""
    file = job.work / "job.json"
    file.write_text(json.dumps(asdict(replace(job, examples=list(job.examples))), default=str))
    return file


def free_memory() -> None:
    """Free the GPU memory of models that this process loaded before (for gates or an examination)."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
