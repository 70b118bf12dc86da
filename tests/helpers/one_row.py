"""The loss and gradients of samples, packed into one row and one at a time."""

from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from bot.inference.models import load_model
from bot.train.loss import row_loss
from bot.train.packing import Encoded, pack
from bot.train.student import Student


def packed(folder: Path, precision: str, samples: list[Encoded]) -> tuple[float, dict[str, torch.Tensor]]:
    """Loss and gradients of one row."""
    model = load_model(folder, precision, attn_implementation="branches")
    loss = row_loss(model, pack(samples))
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.item(), gradients_of(model)


def together(student: Student, samples: list[Encoded]) -> tuple[float, dict[str, torch.Tensor]]:
    """Loss and gradients of one row, packed or padded as the student's rows are."""
    loss = row_loss(student.model, student.row(samples))
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.item(), gradients_of(student.model)


def apart(folder: Path, precision: str, samples: list[Encoded]) -> tuple[float, dict[str, torch.Tensor]]:
    """Loss and gradients of samples one at a time, by transformers' own attention."""
    model = load_model(folder, precision)
    total = 0.0
    for sample in samples:
        ids = torch.tensor([sample.ids], device=model.device)
        logits = model(ids).logits[0, sample.learnt - 1 : -1].float()
        loss = cross_entropy(logits, ids[0, sample.learnt :], reduction="sum")
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.item()
    return total, gradients_of(model)


def gradients_of(model: Any) -> dict[str, torch.Tensor]:
    """The gradients by name; a weight that was not used, such as an expert's, has none."""
    weights = model.named_parameters()
    return {name: weight.grad.float().cpu() for name, weight in weights if weight.grad is not None}
