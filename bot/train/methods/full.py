"""Full fine-tuning: all weights of the layers are trained."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.core.sample import Conversation
from bot.train.job import Job


@dataclass(frozen=True)
class Full:
    """Full fine-tuning; see `Method` for the functions."""

    def prepare(self, model: Any, job: Job, *, grown: bool) -> Any:
        return model

    def learns(self, kind: str) -> bool:
        return True

    def save(self, model: Any, folder: Path) -> None:
        model.save_pretrained(folder)

    def new_weights(self, area: float) -> float:
        return 0.0

    def operations(self, forward: float, processes: int) -> float:
        return forward + 4  # the backward pass: gradients of activations and of weights

    def run(self, job: Job, kept: Sequence[Conversation], train: Callable[[Job], None]) -> None:
        train(job)
