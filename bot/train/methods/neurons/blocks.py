"""New neurons in feed-forward blocks; only these are trained.

Feed-forward blocks act as key-value memories of facts (arXiv 2012.14913), so new facts get new neurons
(Neural Knowledge Bank, arXiv 2208.00399; LLaMA Pro adds whole layers, arXiv 2401.02415). Unlike an adapter,
a neuron has a gate, so its output can be zero on unrelated text. A saved model has wider blocks, and loads
like any other.
"""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from bot.core.errors import UserError

GATE, UP, DOWN = "gate_proj", "up_proj", "down_proj"
"""Names of a gated block's matrices (GLU, arXiv 2002.05202) in Llama, Mistral, Granite and Qwen."""
LOWER = 0.4
"""The share of layers, from the input on, that are not trained and whose output is cached (trunk.py). With
0.5 and 0.6 the model learned less (docs/learning.md)."""
GATES = "gates.safetensors"
"""The file with the gates, which are computed before training; see gates.py."""


class Widened(nn.Module):
    """A feed-forward block with new neurons, whose output is zero before training.

    Args:
        own: the block.
        count: number of new neurons.
        spread: standard deviation of their initial input weights.
    """

    def __init__(self, own: Any, count: int, spread: float) -> None:
        super().__init__()
        self.own, self.new = own, copy.deepcopy(own)
        width = own.gate_proj.in_features
        for name, sizes in {GATE: (width, count), UP: (width, count), DOWN: (count, width)}.items():
            setattr(self.new, name, nn.Linear(*sizes, bias=False))
        self.new.to(own.gate_proj.weight)
        for matrix in (self.new.gate_proj, self.new.up_proj):
            nn.init.normal_(matrix.weight, std=spread)
        nn.init.zeros_(self.new.down_proj.weight)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the block's output, which is added to the residual stream, (batch, tokens, width)."""
        added: Tensor = self.own(hidden) + self.new(hidden)
        return added


def gated_blocks(model: Any) -> list[Any]:
    """Return the feed-forward block of each layer.

    Raises:
        UserError: a block is not a gated MLP without biases, or wider or narrower than the others.
    """
    layers = getattr(getattr(model, "model", None), "layers", ())
    blocks = [getattr(layer, "mlp", None) for layer in layers] or [None]
    for block in blocks:
        matrices = [getattr(block, name, None) for name in (GATE, UP, DOWN)]
        linear = all(isinstance(matrix, nn.Linear) and matrix.bias is None for matrix in matrices)
        if block is None or not linear or block.gate_proj.out_features != model.config.intermediate_size:
            raise UserError(
                f"train.neurons: {type(block).__name__} of {type(model).__name__} is not a gated MLP "
                "without biases; set train.neurons to 0 to train all weights, or use adapters (train.rank)"
            )
    return blocks


def trained_layers(model: Any) -> range:
    """Return the layers whose new neurons are trained."""
    layers = len(model.model.layers)
    return range(round(LOWER * layers), layers)


def add_neurons(model: Any, count: int, seed: int, gates: Mapping[int, Tensor]) -> None:
    """Add new neurons to each layer of a model; only those of the upper layers are trainable.

    Lower layers get neurons too, since all blocks of a model are equally wide; their output is always zero.

    Args:
        count: number of new neurons per layer.
        seed: seed of the initialization.
        gates: layer -> gates, (count, width), which are frozen. Gates of layers without an entry are trained.

    Raises:
        UserError: the feed-forward blocks are not gated MLPs without biases.
    """
    torch.manual_seed(seed)
    model.requires_grad_(False)
    for number, block in enumerate(gated_blocks(model)):
        layer = model.model.layers[number]
        layer.mlp = Widened(block, count, model.config.initializer_range)
        if number not in trained_layers(model):
            for weight in layer.mlp.new.parameters():
                nn.init.zeros_(weight).requires_grad_(False)
        elif number in gates:
            layer.mlp.new.gate_proj.weight.requires_grad_(False).copy_(gates[number])
    model.config.intermediate_size += count


def load_gates(work: Path) -> dict[int, Tensor]:
    """Return layer -> gates, (neurons, width), from a job's work folder; empty if gates are trained."""
    file = work / GATES
    return {int(layer): gates for layer, gates in load_file(file).items()} if file.exists() else {}


def joined(model: Any) -> dict[str, Tensor]:
    """Return a model's weights by name, with new neurons merged into the matrices of their blocks."""
    state: dict[str, Tensor] = model.state_dict()
    new = {name: tensor for name, tensor in state.items() if ".mlp.new." in name}
    merged = {name: tensor for name, tensor in state.items() if name not in new}
    for name, tensor in new.items():
        own = name.replace(".mlp.new.", ".mlp.own.")
        # A neuron is a row of the input matrices and a column of the output matrix.
        whole = torch.cat([merged.pop(own), tensor], 1 if DOWN in name else 0)
        merged[name.replace(".mlp.new.", ".mlp.")] = whole
    return merged
