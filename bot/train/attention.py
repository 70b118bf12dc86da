"""Attention over a packed row: many samples that share their beginning, none of which sees another.

A row is `prefix + branch 1 + branch 2 + …`, flat, without padding. A branch attends to the prefix and to
itself, so the result is that of separate sequences, while the prefix (the system prompt, which is most of a
short sample) is computed once a row. A GPU takes branches of any lengths at once (flash attention, arXiv
2307.08691); elsewhere they are padded, in groups of like length, here alone: the linear layers, where the
time goes, see no padding.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from bot.errors import UserError

NAME = "branches"
CPU = torch.device("cpu")
# Branches of one group are at most this much longer than its shortest, so little is padded.
SPREAD = 1.5
SHORT = 256
"""Tokens up to which attention is written out on a CPU: torch's own is slow backward there with samples as
short as these (in bf16, 14 samples of 32 tokens, 4.8 ms in place of 1.4)."""


@dataclass(frozen=True)
class Layout:
    """Where in a flat row the prefix and the branches lie.

    Attributes:
        prefix: tokens of the shared prefix; they come first.
        lengths: tokens of each branch; they follow in this order.
        device: where the tensors are to be.
    """

    prefix: int
    lengths: tuple[int, ...]
    device: torch.device = CPU

    def to(self, device: torch.device) -> "Layout":
        return replace(self, device=device)

    @cached_property
    def starts(self) -> list[int]:
        """Where in the row each branch starts, and where the last one ends."""
        return list(accumulate(self.lengths, initial=self.prefix))

    def branches(self) -> list[slice]:
        """Where in the row each branch lies."""
        return [slice(start, end) for start, end in pairwise(self.starts)]

    @cached_property
    def padded(self) -> tuple[list[Tensor], Tensor]:
        """For attention over groups of branches of like length.

        Returns:
            for each group, the row positions of its branches' tokens, (branches, longest), padded with
            position 0 on the right, where no real token looks; and for each token of the row, its place in
            the groups' outputs after the prefix's, flattened.
        """
        groups: list[list[int]] = []
        for branch in sorted(range(len(self.lengths)), key=self.lengths.__getitem__):
            if not groups or self.lengths[branch] > SPREAD * self.lengths[groups[-1][0]]:
                groups.append([])
            groups[-1].append(branch)
        indices, restore, offset = [], torch.arange(self.starts[-1]), self.prefix
        for group in groups:
            longest = self.lengths[group[-1]]
            index = torch.zeros(len(group), longest, dtype=torch.long)
            for line, branch in enumerate(group):
                tokens = torch.arange(self.starts[branch], self.starts[branch + 1])
                index[line, : len(tokens)] = tokens
                restore[tokens] = offset + line * longest + torch.arange(len(tokens))
            indices.append(index.to(self.device))
            offset += index.numel()
        return indices, restore.to(self.device)

    @cached_property
    def seen(self) -> tuple[Tensor, Tensor]:
        """For attention over sequences of any length: the prefix, which sees itself, and each branch.

        Returns:
            what each of them sees, one after the other, as places in so many copies of the prefix as there
            are branches and then the row; and where each of them ends, in the row and in that,
            (2, 1 + sequences), both from 0 on.
        """
        copies, ends = len(self.lengths) * self.prefix, list(self.starts)
        parts = [
            torch.cat([torch.arange(self.prefix) + number * self.prefix, torch.arange(start, end) + copies])
            for number, (start, end) in enumerate(pairwise(self.starts))
        ]
        if self.prefix:
            parts, ends = [torch.arange(self.prefix) + copies, *parts], [0, *ends]
        both = [ends, list(accumulate(map(len, parts), initial=0))]
        # As far as it goes without waiting for the row before, which a GPU still computes.
        moved = (torch.cat(parts), torch.tensor(both, dtype=torch.int32))
        places, cumulated = (tensor.to(self.device, non_blocking=True) for tensor in moved)
        return places, cumulated


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
    model = type(module).__name__
    if packed is None:
        raise UserError(f"{model}: this model does not tell its layers of packed rows; name another student")
    odd = any(asked is not None for asked in (attention_mask, softcap, s_aux))
    if odd or value.shape[-1] != query.shape[-1]:
        raise UserError(f"{model}: its attention cannot be packed; name another student")
    check_window(model, packed.prefix + max(packed.lengths), sliding_window)
    if query.is_cuda and _takes_flash(query):
        return _flash(query[0], key[0], value[0], packed, scaling).unsqueeze(0), None
    query, key, value = query[0], key[0], value[0]
    outputs = []
    if packed.prefix:
        begun = [states[:, : packed.prefix].unsqueeze(0) for states in (query, key, value)]
        outputs.append(_attend(begun[0], begun[1], begun[2], scaling))
    groups, restore = packed.padded
    for index in groups:
        seen, said = (_with_prefix(states, index, packed.prefix) for states in (key, value))
        outputs.append(_attend(query[:, index].transpose(0, 1), seen, said, scaling))
    return torch.cat(outputs)[restore].unsqueeze(0), None


def check_window(model: str, longest: int, window: int | None) -> None:
    """Whether all samples are within what a model looks back; it looks at all that is before a token here.

    Args:
        longest: tokens of the longest sample.
        window: how many tokens it looks back; None for all.

    Raises:
        UserError: one is longer.
    """
    if window is not None and longest > window:
        raise UserError(
            f"{model}: a sample has {longest:,} tokens, and this model looks back only {window:,}; "
            "shorten its leaf's passages, or name another student"
        )


def _takes_flash(query: Tensor) -> bool:
    """Whether torch's flash attention does: 16 bits, heads of a usual size, and a GPU from Ampere on."""
    half, size = query.dtype in (torch.bfloat16, torch.float16), query.shape[-1]
    return half and size <= 256 and size % 8 == 0 and torch.cuda.get_device_capability(query.device) >= (8, 0)


def _flash(query: Tensor, key: Tensor, value: Tensor, packed: Layout, scaling: float | None) -> Tensor:
    """The whole row at once, (tokens, heads, size); query, key and value are (heads, tokens, size)."""
    key, value = (copied(states, packed) for states in (key, value))
    longest = max(packed.lengths)
    asked, answered = packed.seen[1]
    out: Tensor = varlen_attn(  # type: ignore[assignment]
        query.transpose(0, 1),
        key,
        value,
        asked,
        answered,
        max(packed.prefix, longest),
        packed.prefix + longest,
        scale=scaling,
        window_size=(-1, 0),
        enable_gqa=True,
    )
    return out


def copied(states: Tensor, packed: Layout) -> Tensor:
    """Keys or values as the prefix and each branch see them, (tokens seen, heads, size).

    Copies and then a choice of each place once: so gradients of the prefix are added up in float32.
    """
    row = states.transpose(0, 1)
    copies = row[: packed.prefix].expand(len(packed.lengths), -1, -1, -1).flatten(0, 1)
    return torch.cat([copies, row]).index_select(0, packed.seen[0])


def _attend(query: Tensor, key: Tensor, value: Tensor, scaling: float | None) -> Tensor:
    """What tokens see of themselves and of all before them, (branches * tokens, heads, size).

    Args:
        query: (branches, heads, tokens, size); key and value may have fewer heads, and more tokens before.
    """
    lines, heads, tokens, size = query.shape
    seen = torch.ones(tokens, key.shape[2], dtype=torch.bool, device=query.device)
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
