"""Releases drawn at random, to measure how often the gate refuses what it should and what it should not.

The noise model. Each question has a probability p of a right answer, and every training draws the answer
anew. The p of a set of questions are drawn from a beta distribution, whose mean is the mean score, and in
which on average 2p(1 - p) is the churn: the share of the answers that differ between two trainings. With a
churn of 5% and a mean of 33 of 39, most questions are answered nearly always right or nearly always wrong.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from bot.core.paired_counts import Pairs
from bot.evaluate.exams import exam_of
from bot.evaluate.gate_criteria import BASE_CHURN, Counted
from bot.evaluate.near_misses import near_misses
from bot.evaluate.retention import retention
from bot.taxonomy.tree import load_tree

CHURN = 0.05
"""Reference churn. Between two trainings of the demo's first release 1 of 39 exam answers differed, and from
its v1 to its v2 at least 3 of 39 (2026-11-29 and 2026-11-27): together 5%."""
OLDER, GENERAL, NEAR = 33 / 39, 153 / 231, 21 / 28
"""Mean scores before: older leaves (the demo's v1), general questions and near misses (the base)."""
LEARNED = 0.8
"""Mean score of a new leaf that was learned."""
LOSS = 0.2
"""True loss of the older leaves, where there is one."""
DRAWS = 10_000
"""Number of probabilities that those of the questions are chosen from."""
Odds = list[list[float]]
"""For each older leaf the probability of a right answer to each of its questions."""
Harm = Callable[[Odds, Random], Odds]


@dataclass(frozen=True)
class Exams:
    """Numbers of questions.

    Attributes:
        older: of each older leaf.
        near: near misses of all leaves.
        general: general questions.
        new: of a new leaf; 0 for none.
        learned: mean score of the new leaf after training; the base answers none of it.
    """

    older: tuple[int, ...]
    near: int
    general: int = 231
    new: int = 0
    learned: float = LEARNED


TWENTY = Exams((10,) * 20, near=120)
"""A taxonomy of 20 leaves with 10 exam questions each."""


def shipped(taxonomy: Path) -> Exams:
    """Return the numbers of questions of a taxonomy."""
    leaves = load_tree(taxonomy)
    return Exams(
        older=tuple(len(exam_of(leaf)) for leaf in leaves),
        near=sum(len(near_misses(leaf)) for leaf in leaves),
        general=len(retention("")),
    )


def nothing(odds: Odds, draw: Random) -> Odds:
    """Lose nothing."""
    return odds


def forgotten(odds: Odds, draw: Random) -> Odds:
    """Forget so many questions, chosen at random, that the mean score falls by LOSS."""
    places = [(leaf, place) for leaf, one in enumerate(odds) for place in range(len(one))]
    draw.shuffle(places)
    kept, lost = [list(one) for one in odds], 0.0
    for leaf, place in places:
        if lost >= LOSS * len(places):
            break
        lost += odds[leaf][place]
        kept[leaf][place] = 0.0
    return kept


def weakened(odds: Odds, draw: Random) -> Odds:
    """Lower all probabilities by one factor, so that the mean score falls by LOSS."""
    return [[p * (1 - LOSS / OLDER) for p in one] for one in odds]


def one_leaf_forgotten(odds: Odds, draw: Random) -> Odds:
    """Forget the first leaf."""
    return [[0.0] * len(odds[0]), *odds[1:]]


def release(exams: Exams, churn: float, harm: Harm, draw: Random) -> Counted:
    """Draw the answers before and after of one release."""
    before = [_odds(count, OLDER, churn, draw) for count in exams.older]
    after = harm(before, draw)
    general = _odds(exams.general, GENERAL, BASE_CHURN * churn, draw)
    near = _odds(exams.near, NEAR, BASE_CHURN * churn, draw)
    learned = _odds(exams.new, exams.learned, churn, draw) if exams.learned else [0.0] * exams.new
    return Counted(
        new={"new": _answers([0.0] * exams.new, learned, draw)} if exams.new else {},
        older={
            str(place): _answers(p, q, draw) for place, (p, q) in enumerate(zip(before, after, strict=True))
        },
        general=_answers(general, general, draw),
        near=_answers(near, near, draw),
    )


def _odds(count: int, mean: float, churn: float, draw: Random) -> list[float]:
    """Draw the probabilities of a right answer."""
    return draw.choices(_beta(mean, churn), k=count)


@cache
def _beta(mean: float, churn: float) -> list[float]:
    """Return draws from the beta distribution with this mean in which 2p(1 - p) is the churn on average.

    The churn is largest if all probabilities are the mean.
    """
    draw = Random(f"{mean} {churn}")
    share = min(0.99, churn / (2 * mean * (1 - mean)))
    size = share / (1 - share)
    return [draw.betavariate(mean * size, (1 - mean) * size) for _ in range(DRAWS)]


def _answers(before: Sequence[float], after: Sequence[float], draw: Random) -> Pairs:
    """Draw whether each question is answered right before and after."""
    both = [(draw.random() < p, draw.random() < q) for p, q in zip(before, after, strict=True)]
    right = sum(one for one, _ in both)
    return Pairs(len(both), right, both.count((True, False)), both.count((False, True)))
