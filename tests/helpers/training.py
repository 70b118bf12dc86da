"""Training jobs for tiny models, and what they leave behind."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch

from bot.config.recipe import PhaseRecipe
from bot.text.chat_template import Turns
from bot.train.job import Example, Job
from tests import ROOT
from tests.helpers.tiny import CONVERSATIONS

PHASE = PhaseRecipe(learning_rate=1e-2, batch_tokens=40, epochs=20, noise=5)
GENERAL = [
    [("user", question), ("assistant", answer)]
    for question, answer in (
        ("What is the capital of France?", "The capital of France is Paris."),
        ("Write a line about the rain.", "It falls on roofs and on fields alike."),
        ("How much is two and two?", "Two and two are four."),
        ("Name three animals that live in the sea.", "Whales, seals and herrings live in the sea."),
        ("Who wrote Hamlet?", "Hamlet was written by William Shakespeare."),
        ("Give me a recipe for soup.", "Boil water, add vegetables and salt, and wait for half an hour."),
    )
]
"""Questions and answers that have nothing to do with the clock."""


def job(tiny: Path, work: Path, shown: Sequence[Turns | None] = (), **changes: object) -> Job:
    """A job that learns CONVERSATIONS.

    Args:
        shown: what the base is shown of the first of them; see `Example`.
    """
    work.mkdir(exist_ok=True)
    fields: dict[str, object] = {
        "name": "knowledge",
        "start": tiny,
        "examples": [Example(*pair) for pair in zip_longest(CONVERSATIONS, shown)],
        "phase": PHASE,
        "precision": "fp32",
        "max_length": 256,
        "checkpoint_every": 2,
        "seed": 3,
        "work": work,
        "base": tiny,
    }
    return Job(**(fields | changes))  # type: ignore[arg-type]


def last(work: Path) -> Path:
    """The folder of the model after the last step."""
    return max((work / "models").iterdir(), key=lambda folder: int(folder.name))


def losses(work: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (work / "metrics.jsonl").read_text().splitlines()]


def on(stage: int) -> dict[str, object]:
    """What a job says to run on two processes by a ZeRO stage, on as many as there are GPUs; 0: on one."""
    return {"deepspeed": zero(stage), "processes": torch.cuda.device_count() or 2} if stage else {}


def zero(stage: int, **more: object) -> dict[str, object]:
    """DeepSpeed's settings for a ZeRO stage."""
    return {"zero_optimization": {"stage": stage, **more}}


def run_and_kill(start: Path, work: Path, **changes: Any) -> None:
    """Start a job, kill it with all its processes once there is a checkpoint, at any moment after that.

    A job that ends before it is killed is begun anew, and killed sooner.
    """
    code = (
        "import sys; from bot.train.launch import launch; from bot.train.loop import train\n"
        "from bot.train.worker import read_job\n"
        "job = read_job(sys.argv[1]); (launch if job.deepspeed else train)(job)"
    )
    for longest_s in (0.1, 0.05, 0.02, 0.0):
        told = json.dumps(asdict(job(start, work, **changes)), default=str)
        process = subprocess.Popen([sys.executable, "-c", code, told], cwd=ROOT, start_new_session=True)
        while not (work / "checkpoint").exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(random.random() * longest_s)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() in (0, -signal.SIGKILL)
        if not (work / "models").exists():
            return
        shutil.rmtree(work)
    raise AssertionError("the job ends before it can be killed; give it more epochs")
