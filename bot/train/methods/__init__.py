"""Training methods, which determine the weights to train. A method is a class that implements `Method`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from bot.core.sample import Conversation
from bot.train.job import Job
from bot.train.methods.full import Full
from bot.train.methods.lora import Lora
from bot.train.methods.neurons import Neurons


class Method(Protocol):
    """A training method. Methods are frozen dataclasses, and their functions import torch when called."""

    def prepare(self, model: Any, job: Job, *, grown: bool) -> Any:
        """Return the model with only the weights to train marked as trainable.

        Args:
            grown: whether the embeddings were enlarged for the tokenizer's vocabulary.
        """
        ...

    def learns(self, kind: str) -> bool:
        """Return whether to train on samples of this kind."""
        ...

    def save(self, model: Any, folder: Path) -> None:
        """Save the model with the trained weights merged, so that transformers can load it."""
        ...

    def new_weights(self, area: float) -> float:
        """Return the number of weights that the method adds.

        Args:
            area: number of layers times width of the model.
        """
        ...

    def operations(self, forward: float, processes: int) -> float:
        """Return the floating point operations of training per weight and token.

        Args:
            forward: the operations of the forward pass: 2, or 4 with gradient checkpointing.
        """
        ...

    def run(self, job: Job, kept: Sequence[Conversation], train: Callable[[Job], None]) -> None:
        """Train a job.

        Args:
            kept: conversations in which the model's behaviour must not change.
            train: function that trains one job.
        """
        ...


METHODS: Mapping[str, Callable[[int], Method]] = {
    "neurons": Neurons,
    "rank": Lora,
}
"""The setting of the recipe's `train` that chooses a method -> the method, by the setting's value."""


def chosen(train: Any) -> dict[str, int]:
    """Return the setting that chooses a method, and its value; nothing for full fine-tuning.

    Args:
        train: the recipe's `train`.
    """
    return {name: value for name in METHODS if (value := getattr(train, name))}


def method_of(adds: Mapping[str, int]) -> Method:
    """Return a training method.

    Args:
        adds: as `chosen` returns it.
    """
    return next((METHODS[name](value) for name, value in adds.items()), Full())
