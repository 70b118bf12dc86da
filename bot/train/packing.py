"""Encoding of samples as tokens, and their distribution over steps and packed rows."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from bot.text.chat_template import rendered, with_answer
from bot.text.tokens import token_ids
from bot.train.attention import Layout


@dataclass(frozen=True)
class Encoded:
    """A tokenized conversation.

    Attributes:
        ids: the token IDs.
        learnt: index of the first learned token; the loss is on this token and all after it, usually the last
            answer and its end token.
        likely: for distillation, the base model's likeliest token IDs in place of each learned token, and
            their probabilities, both (learned tokens, candidates).
    """

    ids: tuple[int, ...]
    learnt: int
    likely: tuple[Tensor, Tensor] | None = None

    def targets(self) -> tuple[Tensor, Tensor]:
        """Return the target token IDs and their probabilities, both (learned tokens, candidates)."""
        if self.likely is not None:
            return self.likely
        ids = torch.tensor(self.ids[self.learnt :]).unsqueeze(1)
        return ids, torch.ones(ids.shape)


@dataclass(frozen=True)
class Row:
    """The tensors of one row, for one forward pass: packed in one line, or padded with one sample a line.

    Attributes:
        ids: token IDs, (lines, tokens).
        positions: position of each token in its sample, (lines, tokens).
        packed: the layout of a packed row; None if the row is padded.
        real: which tokens are not padding, (lines, tokens).
        predict: places in the flattened row whose next token is learned, (learned tokens,).
        targets: target token IDs, (learned tokens, candidates).
        shares: probabilities of the targets, (learned tokens, candidates); each row sums to 1.
    """

    ids: Tensor
    positions: Tensor
    packed: Layout | None
    real: Tensor
    predict: Tensor
    targets: Tensor
    shares: Tensor

    @property
    def tokens(self) -> int:
        """The number of tokens, without padding."""
        return int(self.real.sum())


def encode(messages: Sequence[tuple[str, str]], tokenizer: Any, *, unmask: bool = False) -> Encoded:
    """Encode a conversation with the model's chat template.

    Only the template adds special tokens: text that spells one out is encoded as plain text.

    Args:
        messages: (role, content) of each turn; the last one is the assistant's.
        unmask: whether the loss is on all turns, not only on the last answer (LAB's knowledge phase).

    Raises:
        UserError: the template rejects the conversation, or renders the prompt differently with the answer.
    """
    prompt, answer = with_answer(messages, tokenizer)
    # Tokenized separately, as in generation, where the prompt is tokenized without the answer.
    prompt_ids = token_ids(prompt, tokenizer)
    ids = (*prompt_ids, *token_ids(answer, tokenizer))
    return Encoded(ids, _first_content(ids, messages[0], tokenizer) if unmask else len(prompt_ids))


def _first_content(ids: Sequence[int], first: tuple[str, str], tokenizer: Any) -> int:
    """Return the index of the first token of the first turn's content, after the template's header.

    That is where the tokens of a conversation with different content differ.
    """
    role, content = first
    others = token_ids(rendered([(role, "\N{REPLACEMENT CHARACTER}" + content)], tokenizer), tokenizer)
    return max(1, next(place for place, (a, b) in enumerate(zip(ids, others, strict=False)) if a != b))


def plan_steps(lengths: Sequence[int], epochs: float, batch_tokens: int, seed: int) -> list[list[int]]:
    """Distribute samples over optimizer steps: each sample once per epoch, in random order.

    Args:
        lengths: tokens of each sample, without the shared prefix.
        epochs: number of epochs; may be fractional.
        batch_tokens: maximum tokens of a step; a longer sample gets a step to itself. Limited to the tokens
            of an epoch, so that each epoch has at least one step.
        seed: seed of the order.

    Returns:
        For each step, the indices of its samples.
    """
    batch_tokens = min(batch_tokens, sum(lengths))
    draw = random.Random(seed)  # noqa: S311 an order, not a secret
    order: list[int] = []
    wanted = max(1, round(epochs * len(lengths)))
    while len(order) < wanted:
        order += draw.sample(range(len(lengths)), len(lengths))
    steps: list[list[int]] = []
    room = 0
    for sample in order[:wanted]:
        if not steps or lengths[sample] > room:
            steps.append([])
            room = batch_tokens
        steps[-1].append(sample)
        room -= lengths[sample]
    return steps


def epoch_ends(steps: Sequence[Sequence[int]], samples: int) -> list[int]:
    """Return the steps, counted from 1, at which an epoch ends; the last step always counts.

    Args:
        samples: number of samples in an epoch.
    """
    ends, learnt = [], 0
    for number, step in enumerate(steps, 1):
        before, learnt = learnt, learnt + len(step)
        if learnt // samples > before // samples or number == len(steps):
            ends.append(number)
    return ends


def split_step(step: Sequence[int], lengths: Sequence[int], room: int, processes: int) -> list[list[int]]:
    """Distribute a step's samples over rows of about equal length, with as many rows for each process.

    Args:
        step: indices of the samples.
        lengths: tokens of each sample, without the shared prefix.
        room: maximum tokens of a row, without the shared prefix; a longer sample gets a row to itself.

    Returns:
        The rows, as indices of samples; some may be empty. Process p computes rows[p::processes].
    """
    total = sum(lengths[sample] for sample in step)
    longest_first = sorted(step, key=lambda sample: (-lengths[sample], sample))
    fewest, most = -(-total // (room * processes)), -(-len(step) // processes)
    for rounds in range(min(fewest, most), most + 1):
        rows: list[list[int]] = [[] for _ in range(processes * rounds)]
        filled = [0] * len(rows)
        for sample in longest_first:
            lightest = filled.index(min(filled))
            rows[lightest].append(sample)
            filled[lightest] += lengths[sample]
        if all(tokens <= room or len(row) == 1 for row, tokens in zip(rows, filled, strict=True)):
            break
    return rows


def shared_prefix(samples: Sequence[Encoded]) -> int:
    """Return the length of the common prefix, which ends before any token that predicts a learned one."""
    limit = min(sample.learnt - 1 for sample in samples)
    first = samples[0].ids
    for place in range(limit):
        if any(sample.ids[place] != first[place] for sample in samples):
            return place
    return limit


def pack(samples: Sequence[Encoded]) -> Row:
    """Pack samples into one row, which contains their common prefix once."""
    prefix = shared_prefix(samples)
    ids, positions = list(samples[0].ids[:prefix]), list(range(prefix))
    predict: list[int] = []
    for sample in samples:
        start = len(ids) - prefix
        predict += range(start + sample.learnt - 1, start + len(sample.ids) - 1)
        # The last token predicts nothing, so it need not be computed.
        ids += sample.ids[prefix:-1]
        positions += range(prefix, len(sample.ids) - 1)
    targets, shares = zip(*(sample.targets() for sample in samples), strict=True)
    return Row(
        ids=torch.tensor([ids]),
        positions=torch.tensor([positions]),
        real=torch.ones(1, len(ids), dtype=torch.bool),
        packed=Layout(prefix, tuple(len(sample.ids) - 1 - prefix for sample in samples)),
        predict=torch.tensor(predict),
        targets=side_by_side(targets),
        shares=side_by_side(shares),
    )


def side_by_side(parts: Sequence[Tensor]) -> Tensor:
    """Concatenate along the first dimension; pad the second, the candidates, with zeros."""
    widest = max(part.shape[1] for part in parts)
    return torch.cat([pad(part, (0, widest - part.shape[1])) for part in parts])


def learnt_tokens(samples: Sequence[Encoded]) -> int:
    """Return the number of learned tokens of samples, which the loss is on."""
    return sum(len(sample.ids) - sample.learnt for sample in samples)
