"""When new neurons may speak: their gates, found before training and left as they are.

A gated block's neuron says nothing where its gate is far below 0, and a gate is linear in what the block
reads. So least squares finds gates that are shut where the text is of what is to be kept and open where it is
of what is taught. As hardly anything flows through a gate that is shut, what is learnt behind them changes
little of what is said elsewhere. (WISE, arXiv 2405.14768, routes by such a margin to a copy of a layer; there
the margin is a part of the loss.)
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from bot.models import load_tokenizer
from bot.progress import say
from bot.train.checkpoint import plainly_failing
from bot.train.loop import Job, row_logits
from bot.train.neurons import GATES, gated_blocks, trained_layers
from bot.train.packing import Encoded, encode, pack, shared_prefix
from bot.train.students import load_packed

SHUT, OPEN = -12.0, 9.0
"""A gate is to be below SHUT on what is kept and above OPEN, give or take a draw of each neuron's own, on
what is taught. Far apart, since on other text it gets less far: with -6 and 3 half as much again came through
on the retention set, and a third on exams (docs/LEARNING.md)."""
ROUNDS = 10
RIDGE = 1e-2
"""Of the mean of what is summed up: how much a gate's weights are held small."""
SAMPLES = {"kept": 350, "taught": 250}
"""At most."""
ROW = 16


def write_gates(job: Job, kept: Sequence[Sequence[tuple[str, str]]]) -> None:
    """Find the gates of a job's new neurons and keep them in its work folder, where training finds them.

    Kept, and not found again when a job goes on, so that all processes and all runs have the same.

    Args:
        kept: conversations of which the new neurons are to say nothing.

    Raises:
        UserError: the model's feed-forward blocks are not gated ones without biases.
    """
    target = job.work / GATES
    if target.exists():
        return
    say(f"train {job.name}: gates of the new neurons")
    tokenizer = load_tokenizer(job.start)
    draw = random.Random(job.seed)  # noqa: S311 a choice, not a secret
    shut, taught = (
        [
            encode(all_[place], tokenizer)
            for place in draw.sample(range(len(all_)), min(SAMPLES[name], len(all_)))
        ]
        for name, all_ in (("kept", kept), ("taught", job.conversations))
    )
    model, _ = load_packed(job.start, job.precision, len(tokenizer))
    gated_blocks(model)  # so that a model without them is refused before its layers are asked for
    layers = trained_layers(model)
    # What all samples begin with is to be kept as it is: it stands before every question.
    outside, inside = _read(model, layers, shut, whole=True), _read(model, layers, taught, whole=False)
    torch.manual_seed(job.seed)
    found = {
        str(layer): fitted(outside[layer], inside[layer], job.neurons).to(model.dtype) for layer in layers
    }
    written = target.with_suffix(".part")
    with plainly_failing(written):
        save_file(found, written)
    written.replace(target)


@torch.no_grad()
def _read(model: Any, layers: Sequence[int], samples: Sequence[Encoded], *, whole: bool) -> dict[int, Tensor]:
    """What the feed-forward blocks of these layers read, (tokens, width).

    Args:
        whole: with what all samples of a row begin with.
    """
    read: dict[int, list[Tensor]] = {layer: [] for layer in layers}
    first = 0

    def keep(layer: int) -> Any:
        return lambda block, inputs: read[layer].append(inputs[0][0, first:].float().cpu())

    blocks = gated_blocks(model)
    hooks = [blocks[layer].register_forward_pre_hook(keep(layer)) for layer in layers]
    for start in range(0, len(samples), ROW):
        row = samples[start : start + ROW]
        first = 0 if whole else shared_prefix(row)
        # Scores are not asked for, but of one token there must be some.
        row_logits(model, replace(pack(row), predict=torch.tensor([0])))
    for hook in hooks:
        hook.remove()
    return {layer: torch.cat(parts) for layer, parts in read.items()}


def fitted(shut: Tensor, taught: Tensor, count: int) -> Tensor:
    """Gates that are below SHUT on some vectors and above OPEN, about, on others.

    Least squares that ask for nothing where a gate is on its side already: rounds of it, each with what the
    one before came to as the target there, and a step further the way it went (FISTA, Beck and Teboulle 2009,
    https://doi.org/10.1137/080716542), which takes half the rounds.

    Args:
        shut: (tokens, width).
        taught: (tokens, width); all of them together weigh as much.
        count: neurons.

    Returns:
        (count, width).
    """
    drawn = taught @ torch.randn(count, taught.shape[1]).T
    share = len(taught) / len(shut)
    products = share * shut.T @ shut + taught.T @ taught
    products += RIDGE * products.diagonal().mean() * torch.eye(len(products))
    factor = torch.linalg.cholesky(products)
    # In bf16 the rounds take half the time, and as gates go they come to the same.
    least = (OPEN + (drawn - drawn.mean()) / drawn.std()).bfloat16()
    shut, taught = shut.bfloat16(), taught.bfloat16()
    below, above = torch.full((len(shut), count), SHUT).bfloat16(), least
    gates = before = torch.zeros(count, shut.shape[1])
    for number in range(ROUNDS):
        asked = share * (shut.T @ below).float() + (taught.T @ above).float()
        gates = torch.cholesky_solve(asked, factor).T
        further = gates + max(0, number - 1) / (number + 2) * (gates - before)
        open_ = further.bfloat16().T
        below, above = (shut @ open_).clamp(max=SHUT), torch.maximum(taught @ open_, least)
        before = gates
    return gates
