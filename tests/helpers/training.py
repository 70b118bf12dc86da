"""Training jobs for tiny models, and what they leave behind."""

import json
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import torch

from bot.config.recipe import PhaseRecipe
from bot.train.job import Example, Job, Turns
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


def on(profile: str) -> dict[str, object]:
    """What a job says to run on two processes by a profile, on as many as there are GPUs; on one without."""
    path = str(ROOT / "runners" / "deepspeed" / f"{profile}.json")
    return {"deepspeed": path, "processes": torch.cuda.device_count() or 2} if profile else {}
