"""A training job: one phase to train, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.config.recipe import PhaseRecipe
from bot.text.chat_template import Turns


@dataclass(frozen=True)
class Example:
    """One training sample.

    Attributes:
        turns: the conversation; the loss is on its last turn.
        shown: for distillation, the conversation that the base model gets, which ends with the same answer.
            Then the targets are the base's probabilities at each token of the answer, not the tokens.
        weight: the relative loss weight per token, where `shown` is given.
    """

    turns: Turns
    shown: Turns | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class Job:
    """One phase to train; plain data, so that it can be passed to other processes.

    Attributes:
        start: folder of the model to start from.
        work: folder for checkpoints and the models at the end of epochs.
        base: folder of the model before any phase.
        deepspeed: settings of DeepSpeed from a profile; empty for plain torch.
        adds: the setting that chooses the training method; see `bot.train.methods.chosen`.
        checkpointing: whether to recompute activations in the backward pass (gradient checkpointing).
        micro_batch: number of rows of `max_length` tokens that a process computes at once.
        checkpoints: number of last epochs at whose end the model is kept.
        track: the service that each step is reported to; see `Metrics`.
        part: printed after the name if a phase is trained in several parts.
    """

    name: str
    start: Path
    examples: Sequence[Example]
    phase: PhaseRecipe
    precision: str
    max_length: int
    checkpoint_every: int
    seed: int
    work: Path
    base: Path
    deepspeed: Mapping[str, Any] = field(default_factory=dict)
    processes: int = 1
    adds: Mapping[str, int] = field(default_factory=dict)
    checkpointing: bool = False
    micro_batch: int = 1
    checkpoints: int = 1
    track: str = ""
    part: str = ""
