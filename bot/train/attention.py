"""Attention over a packed row: many samples that share their beginning, none of which sees another.

A row is `prefix + branch 1 + branch 2 + …`, flat, without padding. A branch attends to the prefix and to
itself, so the result is that of separate sequences, while the prefix (the system prompt, which is most of a
short sample) is computed once a row. Only here are branches padded, in groups of like length; the linear
layers, where the time goes, see no padding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.bias import causal_lower_right
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from bot.errors import UserError

NAME = "branches"
# Branches of one group are at most this much longer than its shortest, so little is padded.
SPREAD = 1.5
SHORT = 256
"""Tokens up to which attention is written out on a CPU: torch's own is slow backward there with samples as
short as these (in bf16, 14 samples of 32 tokens, 4.8 ms in place of 1.4)."""


@dataclass(frozen=True)
class Layout:
    """Where in the flat row the prefix and the branches lie.

    Attributes:
        prefix: tokens of the shared prefix; they come first.
        lengths: tokens of each branch; they follow in this order.
        groups: for each group, the row positions of its branches' tokens, (branches, longest), padded with
            position 0 on the right, where no real token looks.
        restore: for each token of the row, its place in the groups' outputs after the prefix's, flattened.
    """

    prefix: int
    lengths: tuple[int, ...]
    groups: tuple[Tensor, ...]
    restore: Tensor

    def to(self, device: torch.device) -> "Layout":
        groups = tuple(group.to(device) for group in self.groups)
        return Layout(self.prefix, self.lengths, groups, self.restore.to(device))

    def branches(self) -> list[slice]:
        """Where in the row each branch lies."""
        ends = list(accumulate(self.lengths, initial=self.prefix))
        return [slice(start, end) for start, end in pairwise(ends)]


def layout(prefix: int, lengths: Sequence[int]) -> Layout:
    """Lay out branches of these lengths, which follow the prefix one after the other."""
    starts = [prefix]
    for length in lengths:
        starts.append(starts[-1] + length)
    groups: list[list[int]] = []
    for branch in sorted(range(len(lengths)), key=lengths.__getitem__):
        if not groups or lengths[branch] > SPREAD * lengths[groups[-1][0]]:
            groups.append([])
        groups[-1].append(branch)
    indices, restore, offset = [], torch.arange(starts[-1]), prefix
    for group in groups:
        longest = lengths[group[-1]]
        index = torch.zeros(len(group), longest, dtype=torch.long)
        for line, branch in enumerate(group):
            tokens = torch.arange(starts[branch], starts[branch + 1])
            index[line, : len(tokens)] = tokens
            restore[tokens] = offset + line * longest + torch.arange(len(tokens))
        indices.append(index)
        offset += index.numel()
    return Layout(prefix, tuple(lengths), tuple(indices), restore)


def branches(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    packed: Layout | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention as transformers calls it, for one row.

    Args:
        query: (1, heads, tokens, head size); key and value may have fewer heads.
        packed: where the branches lie.
        sliding_window: how far back a token may see.
        softcap: a bound on scores (Gemma).
        s_aux: a sink for what no token is asked (gpt-oss).

    Raises:
        UserError: the model asks for what is not computed here.
    """
    if packed is None:
        raise TypeError("a model with this attention is called with packed=layout(...)")
    if softcap is not None or s_aux is not None:
        raise UserError(
            f"{type(module).__name__}: attention with capped scores or sinks cannot be packed; "
            "name another student"
        )
    longest = packed.prefix + max(packed.lengths)
    if sliding_window is not None and longest > sliding_window:
        raise UserError(
            f"{type(module).__name__}: a sample has {longest} tokens, and this model looks back only "
            f"{sliding_window}; shorten its leaf's passages, or name another student"
        )
    query, key, value = query[0], key[0], value[0]
    outputs = []
    if packed.prefix:
        begun = [states[:, : packed.prefix].unsqueeze(0) for states in (query, key, value)]
        outputs.append(_attend(begun[0], begun[1], begun[2], scaling))
    for index in packed.groups:
        seen, said = (_with_prefix(states, index, packed.prefix) for states in (key, value))
        outputs.append(_attend(query[:, index].transpose(0, 1), seen, said, scaling))
    return torch.cat(outputs)[packed.restore].unsqueeze(0), None


def _attend(query: Tensor, key: Tensor, value: Tensor, scaling: float | None) -> Tensor:
    """What tokens see of themselves and of all before them, (branches * tokens, heads, size).

    Args:
        query: (branches, heads, tokens, size); key and value may have fewer heads, and more tokens before.
    """
    lines, heads, tokens, size = query.shape
    if query.is_cuda:
        # Without a mask in memory, so that flash attention can be chosen.
        causal = causal_lower_right(tokens, key.shape[2])
        out = scaled_dot_product_attention(
            query, key, value, attn_mask=causal, scale=scaling, enable_gqa=True
        )
        return out.transpose(1, 2).flatten(0, 1)
    seen = torch.ones(tokens, key.shape[2], dtype=torch.bool)
    mask = seen.tril(key.shape[2] - tokens)
    if query.is_cpu and tokens <= SHORT:
        groups = key.shape[1]
        # The heads that share a key are lines of one product.
        asked = query.reshape(lines, groups, -1, size) * (scaling or size**-0.5)
        scores = (asked @ key.transpose(2, 3)).view(lines, groups, -1, *mask.shape).float()
        shares = scores.masked_fill(~mask, -torch.inf).softmax(-1).to(value.dtype)
        out = (shares.view(lines, groups, -1, mask.shape[1]) @ value).view(lines, heads, tokens, size)
    else:
        out = scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scaling, enable_gqa=True)
    return out.transpose(1, 2).flatten(0, 1)


def _with_prefix(states: Tensor, index: Tensor, prefix: int) -> Tensor:
    """Keys or values of a group's branches, each with the prefix before it: (branches, heads, …, size)."""
    own = states[:, index].transpose(0, 1)
    shared = states[:, :prefix].unsqueeze(0).expand(len(index), -1, -1, -1)
    return torch.cat([shared, own], dim=2)


AttentionInterface.register(NAME, branches)
