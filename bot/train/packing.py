"""Samples as tokens, and the steps and rows in which they are learnt."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jinja2 import TemplateError
from torch import Tensor
from torch.nn.functional import pad

from bot.errors import UserError
from bot.tokens import break_tokens, token_ids
from bot.train.attention import Layout


@dataclass(frozen=True)
class Encoded:
    """A conversation as tokens; the loss is on those from `learnt` on (the last answer and its end).

    Attributes:
        likely: what a model would say in place of each learnt token, where that is to be learnt and not the
            token alone: token ids and their probabilities, both (learnt tokens, candidates).
    """

    ids: tuple[int, ...]
    learnt: int
    likely: tuple[Tensor, Tensor] | None = None

    def targets(self) -> tuple[Tensor, Tensor]:
        """Token ids and their probabilities to be learnt, both (learnt tokens, candidates)."""
        if self.likely is not None:
            return self.likely
        ids = torch.tensor(self.ids[self.learnt :]).unsqueeze(1)
        return ids, torch.ones(ids.shape)


@dataclass(frozen=True)
class Row:
    """What one forward pass takes.

    Attributes:
        ids: token ids, (1, tokens).
        positions: each token's position in its own sample, (1, tokens).
        packed: where the samples lie in the row.
        predict: row positions whose next token is learnt.
        targets: the tokens that may come next, (learnt tokens, candidates).
        shares: the probability of each; rows add up to 1.
    """

    ids: Tensor
    positions: Tensor
    packed: Layout
    predict: Tensor
    targets: Tensor
    shares: Tensor


def encode(messages: Sequence[tuple[str, str]], tokenizer: Any, *, unmask: bool = False) -> Encoded:
    """A conversation, which ends with the assistant's turn, in the model's own chat template.

    Only the template writes the tokenizer's own tokens: text that spells one is encoded as plain text.

    Args:
        unmask: the loss is on all turns, and not on the last answer alone (LAB's knowledge phase).

    Raises:
        UserError: the template refuses it, or writes what was asked otherwise once it is answered.
    """
    turns = break_tokens(messages, tokenizer)
    try:
        prompt = tokenizer.apply_chat_template(turns[:-1], tokenize=False, add_generation_prompt=True)
        whole = tokenizer.apply_chat_template(turns, tokenize=False).rstrip()
    except TemplateError as error:
        roles = ", ".join(role for role, _ in messages)
        raise UserError(f"the student's chat template refuses turns of {roles}: {error}") from None
    if not whole.startswith(prompt):
        raise UserError(
            "the student's chat template asks in other words than it writes down what was asked "
            f"({prompt[-40:]!r}), so where the answer begins cannot be told; name another student"
        )
    # Apart, since that is how the model meets them: the prompt's tokens are there before the answer is.
    asked = token_ids(prompt, tokenizer)
    answered = token_ids(whole[len(prompt) :], tokenizer)
    ids = (*asked, *answered)
    return Encoded(ids, _first_said(ids, turns, tokenizer) if unmask else len(asked))


def _first_said(ids: Sequence[int], turns: Sequence[dict[str, str]], tokenizer: Any) -> int:
    """Where the first turn's own words begin, after what the template puts before any."""
    other = [{**turns[0], "content": "\N{REPLACEMENT CHARACTER}" + turns[0]["content"]}]
    others = token_ids(tokenizer.apply_chat_template(other, tokenize=False), tokenizer)
    return max(1, next(place for place, (a, b) in enumerate(zip(ids, others, strict=False)) if a != b))


def plan_steps(lengths: Sequence[int], epochs: float, batch_tokens: int, seed: int) -> list[list[int]]:
    """Which samples each optimizer step takes: every sample once an epoch, in an order drawn by the seed.

    Args:
        lengths: tokens of each sample, without what all of them share.
        batch_tokens: tokens of a step; a longer sample is a step of its own. More than an epoch has is taken
            for an epoch, so there is a step for each at least.
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
    """After which steps, counted from 1, all samples were learnt once more; the last ends an epoch too."""
    ends, learnt = [], 0
    for number, step in enumerate(steps, 1):
        before, learnt = learnt, learnt + len(step)
        if learnt // samples > before // samples or number == len(steps):
            ends.append(number)
    return ends


def split_step(step: Sequence[int], lengths: Sequence[int], room: int, processes: int) -> list[list[int]]:
    """A step's samples as rows of about equal length, the same number for each process; some may be empty.

    Args:
        lengths: tokens of each sample, without what all of them share.
        room: tokens of a row, likewise; only a longer sample, alone in its row, may have more.

    Returns:
        rows; process p takes those from p on, in steps of `processes`.
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
    """How many tokens all samples begin with; never as far as a token from which an answer is predicted."""
    limit = min(sample.learnt - 1 for sample in samples)
    first = samples[0].ids
    for place in range(limit):
        if any(sample.ids[place] != first[place] for sample in samples):
            return place
    return limit


def pack(samples: Sequence[Encoded]) -> Row:
    """One row of samples; what they all begin with is in it once."""
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
        packed=Layout(prefix, tuple(len(sample.ids) - 1 - prefix for sample in samples)),
        predict=torch.tensor(predict),
        targets=_side_by_side(targets),
        shares=_side_by_side(shares),
    )


def _side_by_side(parts: Sequence[Tensor]) -> Tensor:
    """One below the other; where one has fewer candidates, zeros follow."""
    widest = max(part.shape[1] for part in parts)
    return torch.cat([pad(part, (0, widest - part.shape[1])) for part in parts])


def learnt_tokens(samples: Sequence[Encoded]) -> int:
    """How many tokens of these samples carry loss."""
    return sum(len(sample.ids) - sample.learnt for sample in samples)
