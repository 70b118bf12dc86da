"""Layers below all that learn: what they say of a sample is computed once and kept.

New neurons learn in the upper layers alone (neurons.py), and no sample of a row sees another (attention.py).
So the lower layers say the same of a sample in every epoch, whatever stands beside it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bot.train.attention import Layout

ROOM = 2**30
"""Bytes that may be kept; samples beyond are computed every time."""


class Trunk:
    """The lower layers of a model that is called with packed rows; they keep what they said.

    Args:
        model: neither its embeddings nor these layers may change while it is in use.
        count: how many layers, from the input on; at least 1.
    """

    packed: Layout
    row: Sequence[tuple[int, ...]]
    recalled: Tensor | None

    def __init__(self, model: Any, count: int) -> None:
        self.kept: dict[tuple[int, ...], Tensor] = {}
        self.room = ROOM
        model.register_forward_pre_hook(self._begin, with_kwargs=True)
        for layer in model.model.layers[:count]:
            layer.forward = partial(self._say, layer.forward)
        model.model.layers[count - 1].register_forward_hook(self._keep)

    def _begin(self, model: Any, inputs: Any, named: dict[str, Any]) -> None:
        """See whether all samples of a row are known."""
        self.packed = named["packed"]
        ids, prefix = named["input_ids"][0].tolist(), self.packed.prefix
        self.row = [(*ids[:prefix], *ids[part]) for part in self.packed.branches()]
        known = [self.kept[sample] for sample in self.row if sample in self.kept]
        self.recalled = None
        if len(known) == len(self.row):
            own = [said[prefix:] for said in known]
            self.recalled = torch.cat([known[0][:prefix], *own]).unsqueeze(0)

    def _say(self, compute: Callable[..., Tensor], hidden: Tensor, *inputs: Any, **named: Any) -> Tensor:
        return compute(hidden, *inputs, **named) if self.recalled is None else self.recalled

    def _keep(self, layer: Any, inputs: Any, said: Tensor) -> None:
        if self.recalled is not None:
            return
        row = said[0].detach()
        for sample, part in zip(self.row, self.packed.branches(), strict=True):
            size = len(sample) * row.shape[1] * row.element_size()
            if sample not in self.kept and size <= self.room:
                self.kept[sample] = torch.cat([row[: self.packed.prefix], row[part]])
                self.room -= size
