"""What a phase says of itself: a line for each step, TensorBoard's events, and the guard on its loss."""

import importlib
import json
import math
from pathlib import Path
from typing import Any

from bot.errors import UserError
from bot.train.checkpoint import Progress

FIRST = 5
"""Steps by whose mean loss later ones are judged."""
SPIKE = 2.0
"""A loss so many times as high as the first ones, and one more, is no learning any longer."""


class Metrics:
    """metrics.jsonl and TensorBoard's events, which after a kill go on where the checkpoint was.

    Args:
        folder: the phase's work folder.
        done: how far the phase has come.
        track: `wandb` or `trackio`, to tell it the same; "" for neither.
        writes: whether this process is the one that writes.

    Raises:
        UserError: what is to be told is not installed.
    """

    def __init__(self, folder: Path, name: str, done: Progress, track: str = "", *, writes: bool) -> None:
        self.file, self.name, self.progress, self.writes = folder / "metrics.jsonl", name, done, writes
        lines = self.file.read_text().splitlines()[: done.step] if self.file.exists() else []
        self.first = [json.loads(line)["loss"] for line in lines[:FIRST]]
        if writes:
            from tensorboardX import SummaryWriter

            self.file.write_text("".join(f"{line}\n" for line in lines))
            # From the step on where a killed run is resumed, what it wrote later is void.
            self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=done.step + 1)
            self.tracker = _tracker(track, name) if track else None

    def check(self, loss: float) -> None:
        """Look at a loss before it is stepped upon.

        Raises:
            UserError: it is no number, or has shot up.
        """
        usual = sum(self.first) / len(self.first) if len(self.first) == FIRST else math.inf
        if math.isfinite(loss) and loss <= SPIKE * usual + 1:
            return
        was = f", at first it was {usual:.2f}" if math.isfinite(usual) else ""
        raise UserError(
            f"train {self.name}: the loss is {loss:.4g} at step {self.progress.step + 1}{was}; "
            f"lower {stated(self.name)}.learning_rate in the recipe "
            f"(the last checkpoint is in {self.file.parent})"
        )

    def add(self, loss: float, tokens: int, norm: float, rate: float, seconds: float) -> str:
        """Write a step down.

        Returns:
            what to show beside the progress.
        """
        before = self.progress
        self.progress = Progress(before.step + 1, before.tokens + tokens, before.seconds + seconds)
        if len(self.first) < FIRST:
            self.first.append(loss)
        line = {
            "step": self.progress.step,
            "loss": round(loss, 6),
            "learning_rate": rate,
            "gradient_norm": round(norm, 4),
            "tokens": tokens,
            "seconds": round(seconds, 3),
            "memory_gb": round(memory_gb(), 2),
        }
        if self.writes:
            with self.file.open("a") as file:
                file.write(json.dumps(line) + "\n")
            for name, value in line.items():
                self.board.add_scalar(f"{self.name}/{name}", value, self.progress.step)
            if self.tracker:
                self.tracker.log({f"{self.name}/{name}": value for name, value in line.items()})
        speed = self.progress.tokens / self.progress.seconds
        return f"loss {loss:.3f}, {speed:.0f} tokens/s, {line['memory_gb']:.1f} GB"

    def close(self) -> None:
        """Write what is still in memory."""
        if self.writes:
            self.board.close()
            if self.tracker:
                self.tracker.finish()


def stated(phase: str) -> str:
    """Where the recipe says how a phase learns."""
    return phase if phase == "trial" else f"train.{phase}"


def _tracker(module: str, name: str) -> Any:
    """A run of W&B or trackio, which understand the same words."""
    try:
        library = importlib.import_module(module)
    except ImportError:
        raise UserError(
            f"track: {module} is not installed here; `pip install {module}`, or leave it out"
        ) from None
    return library.init(project="arborist", name=name)


def memory_gb() -> float:
    """The most memory so far: the GPU's where there is one, else this process's."""
    import resource

    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e9
    # Linux counts in kilobytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
