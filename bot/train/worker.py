"""One of several processes that train a job; `launch` starts `torchrun … -m bot.train.worker job.json`."""

import json
import os
import sys
import threading
from contextlib import nullcontext
from pathlib import Path

import torch

from bot.config.recipe import PhaseRecipe
from bot.core.errors import run_program
from bot.core.relayed_progress import sent
from bot.train.backend_deepspeed import join_group
from bot.train.job import Example, Job
from bot.train.loop import train


def read_job(text: str) -> Job:
    """Return the job that `launch` wrote to a file."""
    data = json.loads(text)
    data |= {
        "phase": PhaseRecipe(**data["phase"]),
        "examples": [Example(**one) for one in data["examples"]],
    }
    return Job(**data | {name: Path(data[name]) for name in ("start", "work", "base")})


def main() -> None:
    """Train the job in the file given on the command line."""
    threading.Thread(target=_end_with_launcher, daemon=True).start()
    if torch.cuda.is_available():
        # Before loading anything, or all processes would load to the first GPU.
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    join_group()
    run_program(lambda: train_and_tell(read_job(Path(sys.argv[1]).read_text())))
    torch.distributed.destroy_process_group()


def train_and_tell(job: Job) -> None:
    """Train a job; the first of its processes tells the launching process how far it is."""
    with sent(job.work) if os.environ.get("RANK") == "0" else nullcontext():
        train(job)


def _end_with_launcher() -> None:
    """End this process when the launching process has ended, even if it was killed; torchrun would continue.

    Nothing is ever written to standard input. It is at its end when the launching process has ended.
    """
    # Not sys.stdin: this thread would still hold its lock at the interpreter's exit.
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
