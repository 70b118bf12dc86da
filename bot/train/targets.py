"""What the base would say: its probabilities at each token of an answer, to be learnt in place of the token.

Learning from a model's whole distribution keeps far more of it than learning from the one answer that it
gave (distillation, arXiv 1503.02531; as a guard against forgetting, Learning without Forgetting, 1606.09282).
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from bot.train.loop import row_logits
from bot.train.packing import Encoded, pack
from bot.train.students import load_packed

CANDIDATES = 32
"""The likeliest tokens that are kept of each distribution; the rest of it is shared out among them."""
ROW = 16


@torch.no_grad()
def likely_tokens(
    base: Path, samples: Sequence[Encoded], precision: str, tokens: int
) -> list[tuple[Tensor, Tensor]]:
    """What a model holds likely at each learnt token of samples.

    Args:
        tokens: how many the tokenizer knows.

    Returns:
        for each sample token ids and their probabilities, both (learnt tokens, CANDIDATES).
    """
    model, _ = load_packed(base, precision, tokens)
    found: list[tuple[Tensor, Tensor]] = []
    for start in range(0, len(samples), ROW):
        row = samples[start : start + ROW]
        best = row_logits(model, pack(row)).softmax(1).topk(CANDIDATES)
        shares = best.values / best.values.sum(1, keepdim=True)
        learnt = [len(sample.ids) - sample.learnt for sample in row]
        found += zip(torch.split(best.indices.cpu(), learnt), torch.split(shares.cpu(), learnt), strict=True)
    return found
