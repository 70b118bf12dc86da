"""Gates of new neurons, computed before training and then frozen.

A neuron of a gated block outputs almost zero if its gate is far below 0, and a gate is a linear function of
the block's input. So least squares can compute gates that are closed on text where the model's behaviour must
be kept, and open on the samples to learn. Since a closed gate passes almost nothing, training the neurons
changes little of the model's behaviour elsewhere. (WISE, arXiv 2405.14768, routes to a copy of a
layer by a similar margin, which there is part of the loss.)
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from bot.core.progress import say
from bot.inference.models import load_tokenizer
from bot.train.checkpoint import model_write_errors
from bot.train.job import Job
from bot.train.loss import row_logits
from bot.train.methods.neurons.blocks import GATES, gated_blocks, trained_layers
from bot.train.packing import Encoded, encode, shared_prefix
from bot.train.student import Student, load_student

SHUT, OPEN = -12.0, 9.0
"""The targets of a gate: below SHUT on kept text, and on learned samples above OPEN plus a random offset,
which is different for each neuron. They are far apart, because gates generalize only partly to other text:
gates of -6 and 3 leak more on the retention set, and are less open on questions (docs/learning.md)."""
ROUNDS = 10
"""Iterations of least squares."""
RIDGE = 1e-2
"""Ridge penalty of a gate's weights, relative to the mean of the diagonal of the normal equations."""
SAMPLES = {"kept": 350, "taught": 250}
"""Maximum number of samples of each kind that gates are computed from."""
ROW = 16
"""Samples per forward pass."""


def write_gates(job: Job, kept: Sequence[Sequence[tuple[str, str]]]) -> None:
    """Compute the gates of a job's new neurons, and write them to its work folder, where training reads them.

    A resumed job does not compute them again, so all processes and runs have the same gates.

    Args:
        kept: conversations on which the new neurons must be inactive.

    Raises:
        UserError: the model's feed-forward blocks are not gated MLPs without biases.
    """
    target = job.work / GATES
    if target.exists():
        return
    say(f"train {job.name}: computing the gates of the new neurons")
    tokenizer = load_tokenizer(job.start)
    draw = random.Random(job.seed)  # noqa: S311 a choice, not a secret
    shut, taught = (
        [
            encode(all_[place], tokenizer)
            for place in draw.sample(range(len(all_)), min(SAMPLES[name], len(all_)))
        ]
        for name, all_ in (("kept", kept), ("taught", [one.turns for one in job.examples]))
    )
    student = load_student(job.start, job.precision, len(tokenizer), [*shut, *taught])
    model = student.model
    gated_blocks(model)  # rejects unsupported models before their layers are accessed
    layers = trained_layers(model)
    # The shared prefix counts as kept text, since it precedes every question.
    outside, inside = _read(student, layers, shut, whole=True), _read(student, layers, taught, whole=False)
    torch.manual_seed(job.seed)
    found = {
        str(layer): fitted(outside[layer], inside[layer], job.adds["neurons"]).to(model.dtype)
        for layer in layers
    }
    written = target.with_suffix(".part")
    with model_write_errors(written):
        save_file(found, written)
    written.replace(target)


@torch.no_grad()
def _read(
    student: Student, layers: Sequence[int], samples: Sequence[Encoded], *, whole: bool
) -> dict[int, Tensor]:
    """Return layer -> the inputs of its feed-forward block, (tokens, width).

    Args:
        whole: whether to include the shared prefix of each row, once.
    """
    read: dict[int, list[Tensor]] = {layer: [] for layer in layers}
    wanted = torch.empty(0)

    def keep(layer: int) -> Any:
        return lambda block, inputs: read[layer].append(inputs[0][wanted].float().cpu())

    blocks = gated_blocks(student.model)
    hooks = [blocks[layer].register_forward_pre_hook(keep(layer)) for layer in layers]
    for start in range(0, len(samples), ROW):
        together = samples[start : start + ROW]
        row = student.row(together)
        wanted = row.real.to(student.model.device, copy=True)
        wanted[int(whole) :, : shared_prefix(together)] = False
        # The logits are not needed, but there must be at least one.
        row_logits(student.model, replace(row, predict=torch.tensor([0])))
    for hook in hooks:
        hook.remove()
    return {layer: torch.cat(parts) for layer, parts in read.items()}


def fitted(shut: Tensor, taught: Tensor, count: int) -> Tensor:
    """Compute gates that are below SHUT on some vectors and above about OPEN on others.

    This is least squares with one-sided targets: values already beyond their target have no error. In each
    iteration they are their own targets. Momentum as in FISTA (Beck and Teboulle 2009,
    https://doi.org/10.1137/080716542) halves the number of iterations.

    Args:
        shut: inputs on which gates should be closed, (tokens, width).
        taught: inputs on which gates should be open, (tokens, width); both sets have the same total weight.
        count: number of neurons.

    Returns:
        The gates, (count, width).
    """
    drawn = taught @ torch.randn(count, taught.shape[1]).T
    share = len(taught) / len(shut)
    products = share * shut.T @ shut + taught.T @ taught
    products += RIDGE * products.diagonal().mean() * torch.eye(len(products))
    factor = torch.linalg.cholesky(products)
    # In bf16, iterations take half the time and give practically the same gates.
    least = (OPEN + (drawn - drawn.mean()) / drawn.std()).bfloat16()
    shut, taught = shut.bfloat16(), taught.bfloat16()
    below, above = torch.full((len(shut), count), SHUT).bfloat16(), least
    gates = before = torch.zeros(count, shut.shape[1])
    for number in range(ROUNDS):
        moments = share * (shut.T @ below).float() + (taught.T @ above).float()
        gates = torch.cholesky_solve(moments, factor).T
        further = gates + max(0, number - 1) / (number + 2) * (gates - before)
        open_ = further.bfloat16().T
        below, above = (shut @ open_).clamp(max=SHUT), torch.maximum(taught @ open_, least)
        before = gates
    return gates
