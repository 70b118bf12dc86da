"""Distillation targets: the base model's probabilities at each token of an answer.

Training on a model's distribution preserves far more of its behaviour than training on one answer
(distillation, arXiv 1503.02531; against forgetting: Learning without Forgetting, arXiv 1606.09282).
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from bot.core.progress import task
from bot.train.loss import row_logits
from bot.train.packing import Encoded
from bot.train.student import load_student

LIKELIEST = 32
"""Number of likeliest tokens kept of each distribution; their probabilities are rescaled to sum to 1."""
ROW = 16
"""Samples per forward pass."""


@torch.no_grad()
def likely_tokens(
    base: Path, samples: Sequence[Encoded], precision: str, tokens: int
) -> list[tuple[Tensor, Tensor]]:
    """Return a model's likeliest tokens at each learned token of samples.

    Args:
        base: folder of the model.
        tokens: size of the tokenizer's vocabulary.

    Returns:
        For each sample, token IDs and their probabilities, both (learned tokens, LIKELIEST).
    """
    student = load_student(base, precision, tokens, samples)
    found: list[tuple[Tensor, Tensor]] = []
    with task("the base reads samples", len(samples), "samples") as advance:
        for start in range(0, len(samples), ROW):
            row = samples[start : start + ROW]
            best = row_logits(student.model, student.row(row)).softmax(1).topk(LIKELIEST)
            shares = best.values / best.values.sum(1, keepdim=True)
            learnt = [len(sample.ids) - sample.learnt for sample in row]
            likeliest, weights = best.indices.cpu(), shares.cpu()
            found += zip(torch.split(likeliest, learnt), torch.split(weights, learnt), strict=True)
            advance(len(row), tokens=sum(len(sample.ids) for sample in row))
    return found
