"""LoRA adapters (arXiv 2106.09685): a low-rank update of each linear layer is trained."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.core.sample import Conversation
from bot.train.job import Job

ROUTERS = ("gate", "router")
"""Names of the layers that choose experts."""


@dataclass(frozen=True)
class Lora:
    """LoRA adapters; see `Method` for the functions.

    Attributes:
        rank: rank of the adapters.
    """

    rank: int

    def prepare(self, model: Any, job: Job, *, grown: bool) -> Any:
        import torch
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(job.seed)
        config = LoraConfig(r=self.rank, lora_alpha=2 * self.rank, target_modules=_linear_layers(model))
        # In the model's precision, which is faster; the engine keeps float32 copies.
        return get_peft_model(model, config, autocast_adapter_dtype=False)

    def learns(self, kind: str) -> bool:
        return True

    def save(self, model: Any, folder: Path) -> None:
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

    def new_weights(self, area: float) -> float:
        # Two matrices for each of a layer's seven linear layers, some of which are wider than the model.
        return 20 * self.rank * area

    def operations(self, forward: float, processes: int) -> float:
        return forward + 2  # the backward pass: gradients of activations only

    def run(self, job: Job, kept: Sequence[Conversation], train: Callable[[Job], None]) -> None:
        train(job)


def _linear_layers(model: Any) -> list[str]:
    """Return the names of the linear layers that get adapters: those of the decoder, without the logits'.

    Routers of experts get none: what they return is recorded for the load-balancing loss. The kernels of
    Mamba layers read weights of some linear layers without calling them; an adapter there has no effect.
    """
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D

    decoder = model.get_decoder()
    within = {id(module) for module in decoder.modules()} - {id(model.get_output_embeddings())}
    read = {
        id(getattr(module, name))
        for module in decoder.modules()
        if hasattr(module, "A_log")
        for name in ("out_proj", "dt_proj")
        if hasattr(module, name)
    }
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, (Linear, Conv1D)) and id(module) in within - read
        if name.rpartition(".")[2] not in ROUTERS and "Router" not in type(module).__name__
    ]
