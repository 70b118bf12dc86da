"""What takes gradients and steps: plain torch in one process; DeepSpeed is in sharded.py."""

from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from bot.recipe import PhaseRecipe
from bot.train.checkpoint import Progress, load_checkpoint, save_checkpoint
from bot.train.neurons import joined
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
        write_whole(self.model, folder)


def write_whole(model: Any, folder: Path) -> None:
    """Save a model; adapters and new neurons become its own in the file alone: the model may go on."""
    if not hasattr(model, "peft_config"):
        model.save_pretrained(folder, state_dict=joined(model))
        return
    from peft.tuners.lora import Linear

    inner = model.get_base_model()
    named = ((name.replace(".base_layer.", "."), tensor) for name, tensor in inner.state_dict().items())
    state = {name: tensor for name, tensor in named if ".lora_" not in name}
    for name, layer in inner.named_modules():
        if isinstance(layer, Linear):
            weight = state[f"{name}.weight"]
            delta = layer.get_delta_weight("default").float()
            state[f"{name}.weight"] = (weight.float() + delta).to(weight.dtype)
    inner.save_pretrained(folder, state_dict=state)
