"""LoRA adapters (arXiv 2106.09685): a low-rank update of each linear layer is trained."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.core.sample import Conversation
from bot.train.job import Job

ROUTERS = ("gate", "router")
"""Names of the layers that choose experts."""
READ = ("dt_proj", "out_proj")
"""Names of the layers of a Mamba block whose weights its kernels read."""


@dataclass(frozen=True)
class Lora:
    """LoRA adapters; see `Method` for the functions.

    Attributes:
        rank: rank of the adapters.
    """

    rank: int

    def prepare(self, model: Any, job: Job, *, grown: bool) -> Any:
        import torch
        from peft import LoraConfig, inject_adapter_in_model

        torch.manual_seed(job.seed)
        layers = _layers(model)
        config = LoraConfig(r=self.rank, lora_alpha=2 * self.rank, target_modules=_linear(layers))
        model.requires_grad_(False)
        # Into the layers, since peft chooses other modules of a model whose architecture it knows. Adapters
        # have the model's precision, which is faster; the engine keeps float32 copies.
        inject_adapter_in_model(config, layers)
        return model

    def learns(self, kind: str) -> bool:
        return True

    def save(self, model: Any, folder: Path) -> None:
        from peft.tuners.lora import Linear

        named = ((name.replace(".base_layer.", "."), tensor) for name, tensor in model.state_dict().items())
        state = {name: tensor for name, tensor in named if ".lora_" not in name}
        for name, layer in model.named_modules():
            if isinstance(layer, Linear):
                weight = state[f"{name}.weight"]
                delta = layer.get_delta_weight("default").float()
                state[f"{name}.weight"] = (weight.float() + delta).to(weight.dtype)
        model.save_pretrained(folder, state_dict=state)

    def new_weights(self, area: float) -> float:
        # Two matrices for each of a layer's seven linear layers, some of which are wider than the model.
        return 20 * self.rank * area

    def operations(self, forward: float, processes: int) -> float:
        return forward + 2  # the backward pass: gradients of activations only

    def run(self, job: Job, kept: Sequence[Conversation], train: Callable[[Job], None]) -> None:
        train(job)


def _layers(model: Any) -> Any:
    """Return the list of the layers that read text."""
    from torch.nn import ModuleList

    lists = [module for module in model.get_decoder().modules() if isinstance(module, ModuleList)]
    return max(lists, key=lambda layers: sum(weight.numel() for weight in layers.parameters()))


def _linear(layers: Any) -> list[str]:
    """Return the names of the linear layers that get adapters.

    Routers of experts get none: what they return is recorded for the load-balancing loss. The kernels of
    Mamba layers read weights of some linear layers without calling them; an adapter there has no effect.
    """
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D

    found: list[str] = []
    for name, module in layers.named_modules():
        parent, _, own = name.rpartition(".")
        router = own in ROUTERS or "Router" in type(module).__name__
        read = own in READ and hasattr(layers.get_submodule(parent), "A_log")
        if isinstance(module, (Linear, Conv1D)) and not router and not read:
            found.append(name)
    return found
