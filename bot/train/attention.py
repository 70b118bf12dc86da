"""Attention over a packed row: many samples that share a prefix and do not attend to each other.

A row is `prefix + branch 1 + branch 2 + …`, flat, without padding. Each branch attends to the prefix and
itself, so the result equals that of separate sequences, but the prefix (the system prompt, which is most of a
short sample) is computed once per row. On a GPU, flash attention (arXiv 2307.08691) processes branches of any
length in one call. Elsewhere, branches are padded in groups of similar length, only in attention: the linear
layers, which take most of the time, see no padding.
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

NAME = "branches"
CPU = torch.device("cpu")
SPREAD = 1.5
"""Maximum ratio of the longest to the shortest branch of a group; limits padding."""
SHORT = 256
"""Maximum branch length for which a CPU uses explicit matrix products: the backward pass of PyTorch's
scaled_dot_product_attention is slow there for short samples (bf16, 14 of 32 tokens: 4.8 ms, not 1.4)."""


class CannotPackError(Exception):
    """Raised if a model's attention cannot be computed for packed rows."""


@dataclass(frozen=True)
class Layout:
    """The positions of the prefix and the branches in a flat row.

    Attributes:
        prefix: number of tokens of the shared prefix, which comes first.
        lengths: number of tokens of each branch, in order.
        device: device of the index tensors.
    """

    prefix: int
    lengths: tuple[int, ...]
    device: torch.device = CPU

    def to(self, device: torch.device) -> "Layout":
        """Return the same layout with its tensors on another device."""
        return replace(self, device=device)

    @cached_property
    def starts(self) -> list[int]:
        """The start position of each branch, and the end of the last one."""
        return list(accumulate(self.lengths, initial=self.prefix))

    def branches(self) -> list[slice]:
        """Return the slice of the row that each branch occupies."""
        return [slice(start, end) for start, end in pairwise(self.starts)]

    @cached_property
    def padded(self) -> tuple[list[Tensor], Tensor]:
        """Index tensors for attention over groups of branches of similar length.

        Returns:
            For each group, the row positions of its tokens, (branches, longest), right-padded with position
            0, to which no real token attends. And for each token of the row, its index in the concatenation
            of the prefix's output and the flattened outputs of the groups, (tokens,).
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
        """Index tensors for variable-length attention; the sequences are the prefix (if any) and each branch.

        Returns:
            The keys of all sequences, concatenated, as indices into one copy of the prefix per branch
            followed by the row. And the cumulative sequence lengths of queries and keys,
            (2, 1 + sequences).
        """
        copies, ends = len(self.lengths) * self.prefix, list(self.starts)
        parts = [
            torch.cat([torch.arange(self.prefix) + number * self.prefix, torch.arange(start, end) + copies])
            for number, (start, end) in enumerate(pairwise(self.starts))
        ]
        if self.prefix:
            parts, ends = [torch.arange(self.prefix) + copies, *parts], [0, *ends]
        both = [ends, list(accumulate(map(len, parts), initial=0))]
        # Non-blocking, so as not to wait for the GPU, which may still compute the previous row.
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
    """Compute attention for one packed row; an attention function of transformers' AttentionInterface.

    Args:
        query: (1, heads, tokens, head size); `key` and `value` may have fewer heads.
        packed: the layout of the row.
        sliding_window: number of tokens that a token may attend to; None for all.
        softcap: bound on the scores (Gemma); not supported.
        s_aux: attention sinks (gpt-oss); not supported.

    Returns:
        The output, (1, tokens, heads, head size), and None in place of the attention weights.

    Raises:
        CannotPackError: the model uses an unsupported feature, or a sample is longer than its window.
    """
    if packed is None:
        raise CannotPackError(f"{type(module).__name__} does not pass on where samples begin")
    unsupported = {"a mask of its own": attention_mask, "capped scores": softcap, "attention sinks": s_aux}
    if used := [name for name, argument in unsupported.items() if argument is not None]:
        raise CannotPackError(f"its attention has {' and '.join(used)}")
    if value.shape[-1] != query.shape[-1]:
        raise CannotPackError("the heads of its values have another size than those of its queries")
    longest = packed.prefix + max(packed.lengths)
    if sliding_window is not None and longest > sliding_window:
        raise CannotPackError(f"a sample has {longest:,} tokens, and its sliding window {sliding_window:,}")
    if query.is_cuda and _takes_flash(query):
        return _flash(query[0], key[0], value[0], packed, scaling).unsqueeze(0), None
    query, key, value = query[0], key[0], value[0]
    outputs = []
    if packed.prefix:
        begun = [states[:, : packed.prefix].unsqueeze(0) for states in (query, key, value)]
        outputs.append(_attend(begun[0], begun[1], begun[2], scaling))
    groups, restore = packed.padded
    for index in groups:
        keys, values = (_with_prefix(states, index, packed.prefix) for states in (key, value))
        outputs.append(_attend(query[:, index].transpose(0, 1), keys, values, scaling))
    return torch.cat(outputs)[restore].unsqueeze(0), None


def _takes_flash(query: Tensor) -> bool:
    """Return whether PyTorch's flash attention supports the dtype, the head size and the GPU (Ampere on)."""
    half, size = query.dtype in (torch.bfloat16, torch.float16), query.shape[-1]
    return half and size <= 256 and size % 8 == 0 and torch.cuda.get_device_capability(query.device) >= (8, 0)


def _flash(query: Tensor, key: Tensor, value: Tensor, packed: Layout, scaling: float | None) -> Tensor:
    """Return the attention output of the whole row, (tokens, heads, size), by flash attention.

    Args:
        query: (heads, tokens, size); `key` and `value` may have fewer heads.
    """
    key, value = (copied(states, packed) for states in (key, value))
    longest = max(packed.lengths)
    query_ends, key_ends = packed.seen[1]
    out: Tensor = varlen_attn(  # type: ignore[assignment]
        query.transpose(0, 1),
        key,
        value,
        query_ends,
        key_ends,
        max(packed.prefix, longest),
        packed.prefix + longest,
        scale=scaling,
        window_size=(-1, 0),
        enable_gqa=True,
    )
    return out


def copied(states: Tensor, packed: Layout) -> Tensor:
    """Return the keys or values that the prefix and each branch attend to, (tokens, heads, size).

    `expand`, then `index_select` of each position once: so gradients of the prefix are summed in float32.
    """
    row = states.transpose(0, 1)
    copies = row[: packed.prefix].expand(len(packed.lengths), -1, -1, -1).flatten(0, 1)
    return torch.cat([copies, row]).index_select(0, packed.seen[0])


def _attend(query: Tensor, key: Tensor, value: Tensor, scaling: float | None) -> Tensor:
    """Return the output of causal attention, (branches * tokens, heads, size).

    Args:
        query: (branches, heads, tokens, size); `key` and `value` may have fewer heads, and additional tokens
            at the beginning.
    """
    lines, heads, tokens, size = query.shape
    seen = torch.ones(tokens, key.shape[2], dtype=torch.bool, device=query.device)
    mask = seen.tril(key.shape[2] - tokens)
    if query.is_cpu and tokens <= SHORT:
        groups = key.shape[1]
        # Query heads that share a key head are rows of one matrix product.
        scaled = query.reshape(lines, groups, -1, size) * (scaling or size**-0.5)
        scores = (scaled @ key.transpose(2, 3)).view(lines, groups, -1, *mask.shape).float()
        shares = scores.masked_fill(~mask, -torch.inf).softmax(-1).to(value.dtype)
        out = (shares.view(lines, groups, -1, mask.shape[1]) @ value).view(lines, heads, tokens, size)
    else:
        out = scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scaling, enable_gqa=True)
    return out.transpose(1, 2).flatten(0, 1)


def _with_prefix(states: Tensor, index: Tensor, prefix: int) -> Tensor:
    """Return keys or values of a group's branches, each after the prefix, (branches, heads, tokens, size)."""
    own = states[:, index].transpose(0, 1)
    shared = states[:, :prefix].unsqueeze(0).expand(len(index), -1, -1, -1)
    return torch.cat([shared, own], dim=2)


AttentionInterface.register(NAME, branches)
