"""The loss of a packed row of samples."""

from typing import Any

from torch import Tensor
from torch.nn.functional import cross_entropy

from bot.train.packing import Row


def row_logits(model: Any, row: Row) -> Tensor:
    """Return the logits of the learned tokens only, in float32, (learned tokens, vocabulary)."""
    device = next(model.parameters()).device
    logits: Tensor = model(
        input_ids=row.ids.to(device, non_blocking=True),
        position_ids=row.positions.to(device, non_blocking=True),
        use_cache=False,
        packed=row.packed.to(device),
        logits_to_keep=row.predict.to(device, non_blocking=True),
    ).logits[0]
    return logits.float()


def row_loss(model: Any, row: Row) -> Tensor:
    """Return the cross entropy of a row, summed over its learned tokens, in float32."""
    logits = row_logits(model, row)
    targets, shares = (part.to(logits.device, non_blocking=True) for part in (row.targets, row.shares))
    if targets.shape[1] == 1:
        return cross_entropy(logits, targets[:, 0], reduction="sum")
    chosen = logits.gather(1, targets) - logits.logsumexp(1, keepdim=True)
    return -(shares * chosen).sum()
