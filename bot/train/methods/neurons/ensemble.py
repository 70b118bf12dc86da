"""An ensemble of new neurons: sets that are trained separately and merged into one model.

The answer of one set of neurons to an unseen question depends on its initialization and on the order of the
samples; answers on which several sets agree are more often right (deep ensembles, arXiv 1612.01474). The
output of a block is the sum over its neurons, so separately trained sets can be merged into one wider block,
each with a scaled output.
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

from bot.inference.models import load_model, load_tokenizer
from bot.train.checkpoint import MODELS, model_write_errors
from bot.train.job import Job
from bot.train.methods.neurons.blocks import DOWN, GATE, GATES, UP, gated_blocks, load_gates

SETS = "sets"
"""The folder, in a job's work folder, of the work folders of its sets: 0, 1, …"""
TRAINED = "trained"
"""The file that marks a set's training as complete."""
SHARE = 1.5
"""The merged output, as a multiple of the mean of the sets' outputs. Greater than 1, because gates are less
open on rephrased questions than on the samples, and because differences between sets cancel out."""


def sets_of(job: Job, count: int) -> list[Job]:
    """Return one job per set of neurons; each has a different seed for initialization and order."""
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
    """Train a job's sets one after the other, and merge them; write the same files as for one set.

    Args:
        job: the job; `neurons` is the number per set.
        count: number of sets.
        find_gates: function that writes the gates of a job's neurons to its work folder.
        train: function that trains one job.
    """
    find_gates(replace(job, adds={"neurons": count * job.adds["neurons"]}))
    sets = sets_of(job, count)
    for number, member in enumerate(sets):
        member.work.mkdir(parents=True, exist_ok=True)
        if not (member.work / TRAINED).exists():
            _share_gates(job, number, member.work)
            train(member)
            (member.work / TRAINED).touch()
    _join_metrics(job.work, [member.work for member in sets])
    shutil.rmtree(job.work / MODELS, ignore_errors=True)
    ends = [sorted((member.work / MODELS).iterdir(), key=lambda end: int(end.name)) for member in sets]
    # The steps at which epochs end may differ between sets, since their orders differ.
    for together in zip(*ends, strict=True):
        join(together, job.start, job.precision, job.work / MODELS / together[0].name)


def _share_gates(job: Job, number: int, work: Path) -> None:
    """Write a set's part of the gates to its work folder, if there are gates."""
    found = load_gates(job.work)
    neurons = job.adds["neurons"]
    own = slice(number * neurons, (number + 1) * neurons)
    if found:
        with model_write_errors(work / GATES):
            save_file({str(layer): gates[own].clone() for layer, gates in found.items()}, work / GATES)


def join(folders: Sequence[Path], start: Path, precision: str, target: Path) -> None:
    """Merge models that have the same start into one with all their new neurons.

    Args:
        folders: folders of the models, each with the same number of new neurons.
        start: folder of the model that they were trained from.
        precision: precision of the merged model.
        target: the folder to write.

    Raises:
        UserError: the merged model cannot be written.
    """
    old = int(json.loads((start / "config.json").read_text())["intermediate_size"])
    model = load_model(folders[0], precision)
    state = model.state_dict()
    parts = [_new_neurons(model, old)]
    # One model at a time, since a model may need most of the memory.
    parts += [_new_neurons(load_model(folder, precision), old) for folder in folders[1:]]
    for name in parts[0]:
        down = DOWN in name
        own = state[name][:, :old] if down else state[name][:old]
        share = SHARE / len(parts) if down else 1.0
        # A neuron is a row of the input matrices and a column of the output matrix.
        state[name] = torch.cat([own, *(part[name] * share for part in parts)], 1 if down else 0)
    model.config.intermediate_size = old + len(parts) * (model.config.intermediate_size - old)
    with model_write_errors(target):
        model.save_pretrained(target, state_dict=state)
        load_tokenizer(folders[0]).save_pretrained(target)


def _new_neurons(model: Any, old: int) -> dict[str, Tensor]:
    """Return name -> the part of each feed-forward matrix with the neurons from index `old` on."""
    return {
        f"model.layers.{layer}.mlp.{name}.weight": weight[:, old:].clone()
        if name == DOWN
        else weight[old:].clone()
        for layer, block in enumerate(gated_blocks(model))
        for name in (GATE, UP, DOWN)
        for weight in [getattr(block, name).weight.detach()]
    }


def _join_metrics(work: Path, sets: Sequence[Path]) -> None:
    """Merge the sets' metrics.jsonl into one with consecutive steps; copy TensorBoard events per set."""
    lines = [line for one in sets for line in (one / "metrics.jsonl").read_text().splitlines()]
    numbered = [json.loads(line) | {"step": step} for step, line in enumerate(lines, 1)]
    (work / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in numbered))
    for one in sets:
        shutil.copytree(one / "tensorboard", work / "tensorboard" / f"set-{one.name}", dirs_exist_ok=True)
