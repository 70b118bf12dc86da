"""Which of a phase's last models is kept: the one that knows most, and not the last one by habit."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.progress import say
from bot.store import Entry, link_or_copy
from bot.train.checkpoint import CANDIDATES

CHOICE = "choice.json"


@dataclass(frozen=True)
class Judge:
    """Who says what a model is worth.

    Attributes:
        worth: of a model, by its folder and what tells it from all others; the more the better.
        asks: what tells the questions that are asked from all others.
    """

    worth: Callable[[Path, str], float]
    asks: str


def choose(work: Path, key: str, judge: Judge) -> None:
    """Make the best candidate of a phase its model; of equals, the later one.

    The candidates stay until the phase is in the store: after a kill the choice is made again among all.

    Args:
        work: the phase's work folder.
        key: the phase's.
    """
    candidates = sorted((work / CANDIDATES).iterdir(), key=lambda folder: int(folder.name))
    scores = {}
    if len(candidates) > 1:
        scores = {folder.name: round(judge.worth(folder, f"{key}.{folder.name}"), 4) for folder in candidates}
        say(f"candidates by step: {', '.join(f'{step} has {score}' for step, score in scores.items())}")
    best = max(candidates, key=lambda folder: (scores.get(folder.name, 0.0), int(folder.name)))
    shutil.rmtree(work / "model", ignore_errors=True)
    shutil.copytree(best, work / "model", copy_function=link_or_copy)
    (work / "model" / CHOICE).write_text(json.dumps({"step": int(best.name), "scores": scores}))


def model_id(entry: Entry) -> str:
    """What tells a trained phase's weights from all others, as its judge was told."""
    if CHOICE not in entry.files:
        return entry.key  # it had nothing to learn
    return f"{entry.key}.{entry.read_json(CHOICE)['step']}"
