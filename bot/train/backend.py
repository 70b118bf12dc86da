"""Backends compute gradients and optimizer steps: plain PyTorch here, DeepSpeed in backend_deepspeed.py."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from bot.config.recipe import PhaseRecipe
from bot.train.checkpoint import Progress, load_checkpoint, save_checkpoint
from bot.train.optimizer import MasterAdamW

Save = Callable[[Any, Path], None]
"""Saves a model in a folder, with the trained weights merged; see `Method.save`."""


class Backend(Protocol):
    """One process's part of training a model; the process of `process_index` 0 writes the files."""

    process_index: int

    def backward(self, loss: Tensor, *, last: bool) -> None:
        """Accumulate the gradients of a row.

        Args:
            last: whether this is the last row of a step.
        """
        ...

    def step(self, learning_rate: float) -> float:
        """Update the weights, and return the gradients' norm before clipping."""
        ...

    def mean(self, value: float) -> float:
        """Return the mean of a number over all processes."""
        ...

    def save(self, folder: Path, progress: Progress) -> None:
        """Write a checkpoint."""
        ...

    def restore(self, folder: Path) -> Progress | None:
        """Restore the newest checkpoint, which any engine may have written; return None if there is none."""
        ...

    def write_model(self, folder: Path) -> None:
        """Save the model in its current state."""
        ...


class PlainBackend:
    """The engine for one process: AdamW with float32 copies of the weights."""

    process_index = 0

    def __init__(self, model: Any, phase: PhaseRecipe, save: Save) -> None:
        self.model, self.optimizer, self._save = model, MasterAdamW(model, phase), save

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
        self._save(self.model, folder)
