"""What runs really took: written into the store, so that the next estimate can say on what it is based."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from statistics import median
from typing import Any, Literal

from bot.recipe import Recipe
from bot.store import AT_ONCE, Store, canonical, key_of
from bot.teachers import teacher_model

What = Literal["generate", "knowledge", "skills", "examine"]
STEP = "took"
VERSION = 1
LATEST = 5
"""Runs of each kind that an estimate is based on, the newest."""


@dataclass(frozen=True)
class Took:
    """What one run took.

    Attributes:
        amount: samples that were generated, tokens that were trained on, or questions that were asked.
        leaves: how many leaves these are of.
        by: what the speed, and the amount of a leaf, depend on beside the device: the model, for instance.
        rounds: how often all of it was gone through.
    """

    what: What
    device: str
    amount: float
    seconds: float
    leaves: int
    by: Mapping[str, Any]
    rounds: float = 1


def record(store: Store, took: Took) -> None:
    """Write down what a run took; a run that did nothing is left out."""
    if took.amount <= 0 or took.seconds <= 0 or took.leaves <= 0:
        return
    facts = asdict(took)
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    # By time, so that the newest are found in a listing.
    store.put(STEP, f"{took.what}-{now}-{key_of(STEP, VERSION, facts)[:16]}", {}, facts=facts)


def latest(store: Store) -> list[Took]:
    """The newest runs of each kind: one listing, and a request for each of them."""
    names = sorted(store.keys(STEP), reverse=True)
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(name.partition("-")[0], []).append(name)
    wanted = [name for some in kinds.values() for name in some[:LATEST]]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        entries = pool.map(lambda name: store.get(STEP, name), wanted)
        return [Took(**entry.facts) for entry in entries if entry is not None]


def alike(runs: Sequence[Took], what: What, by: Mapping[str, Any]) -> list[Took]:
    """The runs of a kind whose speed depends on the same, newest first."""
    return [run for run in runs if run.what == what and canonical(run.by) == canonical(by)]


def seconds_each(runs: Sequence[Took]) -> float:
    """Seconds of one sample, token or question, in the middle of these runs."""
    return median(run.seconds / run.amount for run in runs)


def generation_by(recipe: Recipe) -> dict[str, Any]:
    """What the speed of generation depends on beside the device."""
    return {
        "teacher": teacher_model(recipe),
        "engine": recipe.teacher.engine,
        "pipeline": recipe.generate.pipeline,
    }


def training_by(phase: str, recipe: Recipe) -> dict[str, Any]:
    """What the speed of training, and a leaf's share in it, depend on beside the device."""
    train = recipe.train
    stated = {
        "neurons": train.neurons,
        "rank": train.rank,
        "method": train.method,
        "precision": train.precision,
    }
    run = {"processes": train.processes, "deepspeed": train.deepspeed}
    return {"student": recipe.student.model, "samples": recipe.generate.samples, **stated, **run}


def examination_by(recipe: Recipe) -> dict[str, Any]:
    """What the speed of an examination depends on beside the device."""
    return {"student": recipe.student.model, **recipe.part("evaluate")}


@cache
def this_device() -> str:
    """What this machine computes on: its GPUs, or else its CPU cores."""
    if shutil.which("nvidia-smi"):
        command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        names = done.stdout.splitlines() if done.returncode == 0 else []
        if names:
            return f"{len(names)} x {names[0].strip()}"
    return f"{len(os.sched_getaffinity(0))} CPU cores"
