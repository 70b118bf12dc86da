"""Measured durations of earlier runs, kept in the store as the basis of later estimates."""

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

from bot.core.store import AT_ONCE, Store, canonical, key_of

What = Literal["generate", "knowledge", "skills", "examine", "retrieval", "tasks", "gguf"]
STEP = "took"
VERSION = 1
LATEST = 5
"""How many of the newest runs of each kind an estimate is based on."""


@dataclass(frozen=True)
class Took:
    """The measured duration of one run.

    Attributes:
        what: the step that was measured.
        device: see `this_device`.
        amount: number of samples generated, tokens trained on, questions asked, or tasks run.
        leaves: number of leaves that the amount belongs to; 1 if it does not depend on them.
        by: what the speed and a leaf's amount depend on besides the device, for example the model.
        rounds: number of passes over the amount.
    """

    what: What
    device: str
    amount: float
    seconds: float
    leaves: int
    by: Mapping[str, Any]
    rounds: float = 1


def record(store: Store, took: Took) -> None:
    """Store the measurement of a run; runs that did no work are not stored."""
    if took.amount <= 0 or took.seconds <= 0 or took.leaves <= 0:
        return
    facts = asdict(took)
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    # The key contains the time, so that a listing is enough to find the newest.
    store.put(STEP, f"{took.what}-{now}-{key_of(STEP, VERSION, facts)[:16]}", {}, facts=facts)


def latest(store: Store) -> list[Took]:
    """Return the newest LATEST runs of each kind; costs one listing and one request per run."""
    names = sorted(store.keys(STEP), reverse=True)
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(name.partition("-")[0], []).append(name)
    wanted = [name for some in kinds.values() for name in some[:LATEST]]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        entries = pool.map(lambda name: store.get(STEP, name), wanted)
        return [Took(**entry.facts) for entry in entries if entry is not None]


def alike(runs: Sequence[Took], what: What, by: Mapping[str, Any]) -> list[Took]:
    """Return the runs of step `what` whose `by` is equal to the given one, newest first."""
    return [run for run in runs if run.what == what and canonical(run.by) == canonical(by)]


def seconds_each(runs: Sequence[Took]) -> float:
    """Return the median seconds per sample, token, question or task."""
    return median(run.seconds / run.amount for run in runs)


@cache
def this_device() -> str:
    """Describe the hardware of this machine: its GPUs ("2 x NVIDIA H200"), or else its CPU cores."""
    if shutil.which("nvidia-smi"):
        command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        names = done.stdout.splitlines() if done.returncode == 0 else []
        if names:
            return f"{len(names)} x {names[0].strip()}"
    return f"{len(os.sched_getaffinity(0))} CPU cores"


def readable(seconds: float) -> str:
    """Return a duration in the unit that a person would use: "40 s", "7 min", "3.5 h" or "2.1 days"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h" if seconds < 36 * 3600 else f"{seconds / 86400:.1f} days"
