"""New neurons in the feed-forward blocks: what is learnt goes into them, all else stays as it is.

Facts lie in feed-forward blocks as pairs of key and value (arXiv 2012.14913), so new facts get pairs of their
own (Neural Knowledge Bank, 2208.00399; LLaMA Pro adds whole layers, 2401.02415). A neuron has a gate: unlike
an adapter's, what it adds can be nothing where the text is of other things. In the file the blocks are merely
wider, so the model loads anywhere.
"""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from bot.errors import UserError

GATE, UP, DOWN = "gate_proj", "up_proj", "down_proj"
"""A gated block's matrices (GLU, arXiv 2002.05202), as Llama, Mistral, Granite and Qwen call them."""
LOWER = 0.4
"""The share of layers, from the input on, that learn nothing and are computed once (trunk.py). With 0.5
and with 0.6 less was learnt (docs/LEARNING.md)."""
GATES = "gates.safetensors"
"""The file with gates that are found before training; see gates.py."""


class Widened(nn.Module):
    """A feed-forward block and new neurons beside it, which say nothing at first."""

    def __init__(self, own: Any, config: Any) -> None:
        super().__init__()
        self.own, self.new = own, type(own)(config).to(own.gate_proj.weight)
        for matrix in (self.new.gate_proj, self.new.up_proj):
            nn.init.normal_(matrix.weight, std=config.initializer_range)
        nn.init.zeros_(self.new.down_proj.weight)

    def forward(self, hidden: Tensor) -> Tensor:
        """What the block adds to the residual stream, (batch, tokens, width)."""
        added: Tensor = self.own(hidden) + self.new(hidden)
        return added


def gated_blocks(model: Any) -> list[Any]:
    """The feed-forward block of each layer.

    Raises:
        UserError: they are not gated ones without biases.
    """
    layers = getattr(getattr(model, "model", None), "layers", ())
    blocks = [getattr(layer, "mlp", None) for layer in layers] or [None]
    for block in blocks:
        matrices = [getattr(block, name, None) for name in (GATE, UP, DOWN)]
        if not all(isinstance(matrix, nn.Linear) and matrix.bias is None for matrix in matrices):
            raise UserError(
                f"train.neurons: {type(block).__name__} of {type(model).__name__} is no gated feed-forward "
                "block without biases; train the weights themselves (0) or adapters (train.rank)"
            )
    return blocks


def trained_layers(model: Any) -> range:
    """The layers whose new neurons learn."""
    layers = len(model.model.layers)
    return range(round(LOWER * layers), layers)


def add_neurons(model: Any, count: int, seed: int, gates: Mapping[int, Tensor]) -> None:
    """Let a model have so many new neurons in each layer, and let only those of the upper ones be trained.

    Lower layers have them since all blocks of a file are as wide; they never say anything.

    Args:
        gates: by layer, (count, width), which are not trained; where there are none, gates are.

    Raises:
        UserError: its feed-forward blocks are not gated ones without biases.
    """
    torch.manual_seed(seed)
    model.requires_grad_(False)
    config = copy.deepcopy(model.config)
    config.intermediate_size = count
    for number, block in enumerate(gated_blocks(model)):
        layer = model.model.layers[number]
        layer.mlp = Widened(block, config)
        if number not in trained_layers(model):
            for weight in layer.mlp.new.parameters():
                nn.init.zeros_(weight).requires_grad_(False)
        elif number in gates:
            layer.mlp.new.gate_proj.weight.requires_grad_(False).copy_(gates[number])
    model.config.intermediate_size += count


def load_gates(work: Path) -> dict[int, Tensor]:
    """A job's gates by layer, each (neurons, width); none where they are to be trained."""
    file = work / GATES
    return {int(layer): gates for layer, gates in load_file(file).items()} if file.exists() else {}


def joined(model: Any) -> dict[str, Tensor]:
    """A model's weights by name, new neurons and a block's own in one matrix."""
    state: dict[str, Tensor] = model.state_dict()
    new = {name: tensor for name, tensor in state.items() if ".mlp.new." in name}
    merged = {name: tensor for name, tensor in state.items() if name not in new}
    for name, tensor in new.items():
        own = name.replace(".mlp.new.", ".mlp.own.")
        # A neuron is a row of what goes in and a column of what comes out.
        whole = torch.cat([merged.pop(own), tensor], 1 if DOWN in name else 0)
        merged[name.replace(".mlp.new.", ".mlp.")] = whole
    return merged
