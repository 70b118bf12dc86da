"""The loss of a row of samples, packed or padded."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from bot.train.packing import Row


def _compute(model: Any, row: Row, **options: Any) -> tuple[Tensor, Any]:
    """Return the logits of the learned tokens only, in float32, (learned tokens, vocabulary); and the output.

    Args:
        options: further arguments of the model.
    """
    device = next(model.parameters()).device
    lines, columns = row.predict // row.ids.shape[1], row.predict % row.ids.shape[1]
    # The model computes the logits of the same columns for all lines.
    kept, places = torch.unique(columns, return_inverse=True)
    if row.packed is not None:
        options |= {"position_ids": row.positions.to(device, non_blocking=True)}
        options |= {"packed": row.packed.to(device)}
    else:
        options |= {"attention_mask": row.real.long().to(device, non_blocking=True)}
    output = model(
        input_ids=row.ids.to(device, non_blocking=True),
        use_cache=False,
        logits_to_keep=kept.to(device, non_blocking=True),
        **options,
    )
    if row.packed is not None:
        return output.logits[0].float(), output
    lines, places = (index.to(device, non_blocking=True) for index in (lines, places))
    return output.logits[lines, places].float(), output


def row_logits(model: Any, row: Row) -> Tensor:
    """Return the logits of the learned tokens only, in float32, (learned tokens, vocabulary)."""
    return _compute(model, row)[0]


def row_loss(model: Any, row: Row) -> Tensor:
    """Return the cross entropy of a row, summed over its learned tokens, in float32."""
    return _cross_entropy(row_logits(model, row), row)


def balanced_loss(model: Any, row: Row) -> tuple[Tensor, Tensor]:
    """Return a row's loss, and the load-balancing loss of a mixture of experts (arXiv 2101.03961)."""
    logits, output = _compute(model, row, output_router_logits=True)
    return _cross_entropy(logits, row), output.aux_loss


def _cross_entropy(logits: Tensor, row: Row) -> Tensor:
    targets, shares = (part.to(logits.device, non_blocking=True) for part in (row.targets, row.shares))
    if targets.shape[1] == 1:
        return cross_entropy(logits, targets[:, 0], reduction="sum")
    chosen = logits.gather(1, targets) - logits.logsumexp(1, keepdim=True)
    return -(shares * chosen).sum()
