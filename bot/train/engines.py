"""What takes gradients and steps: plain torch in one process; for more, and on GPUs, sharded.py."""

from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from bot.recipe import PhaseRecipe
from bot.train.checkpoint import Progress, load_checkpoint, save_checkpoint
from bot.train.optimizer import MasterAdamW


class Engine(Protocol):
    """One process's part of training a model; `rank` 0 writes what is written once."""

    rank: int

    def backward(self, loss: Tensor, *, last: bool) -> None:
        """Add a row's gradients; `last` of a step's rows."""
        ...

    def step(self, learning_rate: float) -> float:
        """Apply the gradients; returns their norm before clipping."""
        ...

    def mean(self, value: float) -> float:
        """A number's mean over all processes."""
        ...

    def save(self, folder: Path, progress: Progress) -> None:
        """Write a checkpoint."""
        ...

    def restore(self, folder: Path) -> Progress | None:
        """Go on from the newest checkpoint, whichever engine wrote it."""
        ...

    def write_model(self, folder: Path) -> None:
        """Save the model as it is."""
        ...


class PlainEngine:
    """One process, AdamW with float32 copies of the weights."""

    rank = 0

    def __init__(self, model: Any, phase: PhaseRecipe) -> None:
        self.model, self.optimizer = model, MasterAdamW(model, phase)

    def backward(self, loss: Tensor, *, last: bool) -> None:
        loss.backward()  # type: ignore[no-untyped-call]

    def step(self, learning_rate: float) -> float:
        return self.optimizer.step(learning_rate)

    def mean(self, value: float) -> float:
        return value

    def save(self, folder: Path, progress: Progress) -> None:
        save_checkpoint(folder, progress, self.optimizer.states())

    def restore(self, folder: Path) -> Progress | None:
        checkpoint = load_checkpoint(folder)
        if checkpoint is None:
            return None
        self.optimizer.restore(checkpoint)
        return checkpoint.progress

    def write_model(self, folder: Path) -> None:
        """Save the model; an adapter is added to what it adapts."""
        if hasattr(self.model, "merge_adapter"):
            self.model = self.model.merge_and_unload()
        self.model.save_pretrained(folder)
