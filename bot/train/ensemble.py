"""An ensemble of new neurons: sets that learn for themselves, and then speak together in one model.

What one set of neurons says to a question that it has not met hangs on how it began and on the order of
what it learnt; what several agree on is more often right (deep ensembles, arXiv 1612.01474). As neurons only
add to what a block says, sets that were trained apart stand side by side in one model; each says its share.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from bot.models import load_model, load_tokenizer
from bot.train.checkpoint import CANDIDATES, plainly_failing
from bot.train.loop import Job
from bot.train.neurons import DOWN, GATE, GATES, UP, gated_blocks, load_gates

SETS = "sets"
"""The folder in a job's work folder with those of its sets, 0, 1, …"""
TRAINED = "trained"
"""The file that says in a set's folder that it is done."""
SHARE = 1.5
"""What all sets say together, in means of what each says. More than one: where a question is put in other
words gates are less open than on the samples, and what sets do not share cancels out."""


def sets_of(job: Job, count: int) -> list[Job]:
    """A job's sets of neurons as jobs of their own; each has another beginning and another order."""
    return [
        replace(
            job,
            part=f", set {number + 1} of {count}",
            seed=job.seed * count + number,
            work=job.work / SETS / str(number),
        )
        for number in range(count)
    ]


def train_sets(job: Job, count: int, find_gates: Callable[[Job], None], train: Callable[[Job], None]) -> None:
    """Train a job's sets one after the other; its work folder has then what one training would leave there.

    Args:
        find_gates: writes those of a job's neurons to its work folder.
        train: trains one job.
    """
    find_gates(replace(job, neurons=count * job.neurons))
    sets = sets_of(job, count)
    for number, member in enumerate(sets):
        member.work.mkdir(parents=True, exist_ok=True)
        if not (member.work / TRAINED).exists():
            _share_gates(job, number, member.work)
            train(member)
            (member.work / TRAINED).touch()
    _join_metrics(job.work, [member.work for member in sets])
    shutil.rmtree(job.work / CANDIDATES, ignore_errors=True)
    ends = [sorted((member.work / CANDIDATES).iterdir(), key=lambda end: int(end.name)) for member in sets]
    # The sets' epochs end a step earlier or later, by their order.
    for together in zip(*ends, strict=True):
        join(together, job.start, job.precision, job.work / CANDIDATES / together[0].name)


def _share_gates(job: Job, number: int, work: Path) -> None:
    """Give a set its part of the gates, where these were found."""
    found = load_gates(job.work)
    own = slice(number * job.neurons, (number + 1) * job.neurons)
    if found:
        with plainly_failing(work / GATES):
            save_file({str(layer): gates[own].clone() for layer, gates in found.items()}, work / GATES)


def join(folders: Sequence[Path], start: Path, precision: str, target: Path) -> None:
    """Write the model that has all new neurons of several that began as one.

    Args:
        folders: models that are that of `start` and new neurons, each as many.
        target: the folder to write.

    Raises:
        UserError: it cannot be written.
    """
    old = int(json.loads((start / "config.json").read_text())["intermediate_size"])
    model = load_model(folders[0], precision)
    state = model.state_dict()
    parts = [_new_neurons(model, old)]
    # One after the other, since a model may fill most of the memory.
    parts += [_new_neurons(load_model(folder, precision), old) for folder in folders[1:]]
    for name in parts[0]:
        down = DOWN in name
        own = state[name][:, :old] if down else state[name][:old]
        share = SHARE / len(parts) if down else 1.0
        # A neuron is a row of what goes in and a column of what comes out.
        state[name] = torch.cat([own, *(part[name] * share for part in parts)], 1 if down else 0)
    model.config.intermediate_size = old + len(parts) * (model.config.intermediate_size - old)
    with plainly_failing(target):
        model.save_pretrained(target, state_dict=state)
        load_tokenizer(folders[0]).save_pretrained(target)


def _new_neurons(model: Any, old: int) -> dict[str, Tensor]:
    """The matrices of a model's neurons from `old` on, by the names of the whole ones."""
    return {
        f"model.layers.{layer}.mlp.{name}.weight": weight[:, old:].clone()
        if name == DOWN
        else weight[old:].clone()
        for layer, block in enumerate(gated_blocks(model))
        for name in (GATE, UP, DOWN)
        for weight in [getattr(block, name).weight.detach()]
    }


def _join_metrics(work: Path, sets: Sequence[Path]) -> None:
    """One metrics.jsonl whose steps go on from set to set, and TensorBoard's events set by set."""
    lines = [line for one in sets for line in (one / "metrics.jsonl").read_text().splitlines()]
    numbered = [json.loads(line) | {"step": step} for step, line in enumerate(lines, 1)]
    (work / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in numbered))
    for one in sets:
        shutil.copytree(one / "tensorboard", work / "tensorboard" / f"set-{one.name}", dirs_exist_ok=True)
