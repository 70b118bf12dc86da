"""A cache of the output of the lower layers, which are not trained.

New neurons are trained in the upper layers only (blocks.py), and samples of a row do not attend to each other
(attention.py). So the lower layers have the same output for a sample in every epoch and every row.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bot.train.attention import Layout

ROOM = 2**30
"""Maximum size of the cache in bytes; further samples are computed every time."""


class Trunk:
    """A cache of the output of a model's lower layers, for calls with packed rows.

    Args:
        model: the model; its embeddings and these layers must not change while it is in use.
        count: number of layers, from the input on; at least 1.
    """

    packed: Layout
    row: Sequence[tuple[int, ...]]
    recalled: Tensor | None

    def __init__(self, model: Any, count: int) -> None:
        self.kept: dict[tuple[int, ...], Tensor] = {}
        self.room = ROOM
        model.register_forward_pre_hook(self._begin, with_kwargs=True)
        for layer in model.model.layers[:count]:
            layer.forward = partial(self._compute, layer.forward)
        model.model.layers[count - 1].register_forward_hook(self._keep)

    def _begin(self, model: Any, inputs: Any, named: dict[str, Any]) -> None:
        """Look up the samples of a row; the cache is used only if it has all of them."""
        self.packed = named["packed"]
        ids, prefix = named["input_ids"][0].tolist(), self.packed.prefix
        self.row = [(*ids[:prefix], *ids[part]) for part in self.packed.branches()]
        known = [self.kept[sample] for sample in self.row if sample in self.kept]
        self.recalled = None
        if len(known) == len(self.row):
            branches = [states[prefix:] for states in known]
            self.recalled = torch.cat([known[0][:prefix], *branches]).unsqueeze(0)

    def _compute(self, compute: Callable[..., Tensor], hidden: Tensor, *inputs: Any, **named: Any) -> Tensor:
        return compute(hidden, *inputs, **named) if self.recalled is None else self.recalled

    def _keep(self, layer: Any, inputs: Any, output: Tensor) -> None:
        if self.recalled is not None:
            return
        row = output[0].detach()
        for sample, part in zip(self.row, self.packed.branches(), strict=True):
            size = len(sample) * row.shape[1] * row.element_size()
            if sample not in self.kept and size <= self.room:
                self.kept[sample] = torch.cat([row[: self.packed.prefix], row[part]])
                self.room -= size
