"""Metrics of a phase: metrics.jsonl, TensorBoard, an experiment tracker, and the check for divergence."""

import importlib
import json
import math
from pathlib import Path
from typing import Any

from bot.core.errors import UserError
from bot.train.checkpoint import Progress

FIRST = 5
"""Number of first steps whose mean loss is the reference for divergence."""
SPIKE = 2.0
"""Training has diverged if the loss exceeds SPIKE times the reference plus 1."""


class Metrics:
    """Writer of metrics.jsonl and TensorBoard events; after a kill it continues from the checkpoint's step.

    Args:
        folder: work folder of the phase.
        name: name of the phase.
        done: progress at the checkpoint.
        track: `wandb` or `trackio`, to log the same metrics there; "" for neither.
        writes: whether this process writes; only one does.

    Raises:
        UserError: the package `track` is not installed.
    """

    def __init__(self, folder: Path, name: str, done: Progress, track: str = "", *, writes: bool) -> None:
        self.file, self.name, self.progress, self.writes = folder / "metrics.jsonl", name, done, writes
        lines = self.file.read_text().splitlines()[: done.step] if self.file.exists() else []
        self.first = [json.loads(line)["loss"] for line in lines[:FIRST]]
        if writes:
            from tensorboardX import SummaryWriter

            self.file.write_text("".join(f"{line}\n" for line in lines))
            # Discard the events that a killed run wrote after its checkpoint.
            self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=done.step + 1)
            self.tracker = _tracker(track, name) if track else None

    def check(self, loss: float) -> None:
        """Check a step's loss before the optimizer step.

        Raises:
            UserError: the loss is NaN or infinite, or training has diverged.
        """
        usual = sum(self.first) / len(self.first) if len(self.first) == FIRST else math.inf
        if math.isfinite(loss) and loss <= SPIKE * usual + 1:
            return
        was = f"; in the first steps it was {usual:.2f}" if math.isfinite(usual) else ""
        raise UserError(
            f"train {self.name}: the loss is {loss:.4g} at step {self.progress.step + 1}{was}; "
            f"lower {recipe_key(self.name)}.learning_rate in the recipe "
            f"(the last checkpoint is in {self.file.parent})"
        )

    def add(self, loss: float, tokens: int, norm: float, rate: float, seconds: float) -> str:
        """Record a step.

        Args:
            loss: mean loss per learned token.
            tokens: number of tokens computed by this process.
            norm: norm of the gradients before clipping.
            rate: learning rate.
            seconds: duration of the step.

        Returns:
            The text to show next to the progress bar.
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
        """Flush all writers."""
        if self.writes:
            self.board.close()
            if self.tracker:
                self.tracker.finish()


def recipe_key(phase: str) -> str:
    """Return the recipe's section with the settings of a phase."""
    return phase if phase == "trial" else f"train.{phase}"


def _tracker(module: str, name: str) -> Any:
    """Start a run of W&B or trackio, which have the same API."""
    try:
        library = importlib.import_module(module)
    except ImportError:
        raise UserError(
            f"track: {module} is not installed here; run `pip install {module}` or remove `track`"
        ) from None
    return library.init(project="arborist", name=name)


def memory_gb() -> float:
    """Return the peak memory so far in GB: of the GPU if there is one, otherwise of this process."""
    import resource

    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e9
    # Linux counts in kilobytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
