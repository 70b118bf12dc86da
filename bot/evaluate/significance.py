"""Significance of paired answers: is a loss more than chance explains, is a gain less than required?

Answers change between two trainings even if nothing was lost; the share that changes is the churn. As many
answers are then gained as lost (Q. McNemar, "Note on the sampling error of the difference between correlated
proportions or percentages", Psychometrika 12 (1947), 153-157). McNemar's exact test knows only the answers
that changed, which are few: at 5%, 6 lost and 1 gained of 39 answers are not significant. So here the churn
is stated (`gate.churn`), and the gained answers correct it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from math import exp, floor, lgamma, log
from typing import Protocol

from bot.core.paired_counts import Pairs

STATED = 100
"""The stated churn counts as much as this number of answered questions."""
POWER = 0.8
"""Share of the cases in which a test must notice what it looks for; otherwise it has too few questions."""
MOST_NEEDED = 10_000
"""Maximum number of questions that `needed` tries."""
ROUNDING = 1e-9
"""Tolerance for products of a share and a number of questions, such as 0.1 * 30."""


class PairedTest(Protocol):
    """A test of one criterion."""

    def p_values(self, pairs: Pairs) -> tuple[float, ...]:
        """Return the p-value of each result that these questions can have."""
        ...

    def p(self, pairs: Pairs) -> float:
        """Return the p-value of the result that they have."""
        ...

    def power(self, pairs: Pairs, asked: int, level: float) -> float:
        """Return the probability that the test notices what it looks for.

        Args:
            asked: number of questions, which are otherwise like these.
            level: the test rejects at p-values up to this one.
        """
        ...


@dataclass(frozen=True)
class Chance:
    """The probability that a model answers a question wrong only by chance that another answered right.

    It is not known exactly, so it is a beta distribution.

    Attributes:
        lost: the distribution's first parameter, the number of lost answers that it stands for.
        kept: the second one.
    """

    lost: float
    kept: float

    @property
    def mean(self) -> float:
        """The mean probability."""
        return self.lost / (self.lost + self.kept)


def chance_of(churn: float, compared: Pairs) -> Chance:
    """Return the probability of a loss by chance.

    Half of the answers that change are lost and half are gained. A true loss gains no answers, so gained
    answers measure the churn whether or not something was lost.

    Args:
        churn: the stated share of the answers that change by chance.
        compared: all answers of the comparison.
    """
    lost = STATED * churn / 2
    return Chance(lost + compared.gained, STATED - lost + compared.asked - compared.gained)


@dataclass(frozen=True)
class LossTest:
    """Tests that no more answers were lost than chance and the margin explain.

    The number of answers lost by chance has a beta-binomial distribution (J. G. Skellam, Journal of the Royal
    Statistical Society B 10 (1948), 257-261). The p-value is the probability of so many or more.

    Attributes:
        chance: the probability of a loss by chance.
        margin: net loss, as a share of the questions, that is allowed even if it is no chance.
        coin: if above 0, the loss must also be significant at this level if each answer, before and after,
            were a toss of a coin. This is for a single leaf, whose answers may change more than others'.
    """

    chance: Chance
    margin: float
    coin: float = 0.0

    def p_values(self, pairs: Pairs) -> tuple[float, ...]:
        """Return the p-value of each number of lost answers, from 0 on."""
        return _loss_p_values(self, pairs.asked, pairs.gained)

    def p(self, pairs: Pairs) -> float:
        """Return the p-value."""
        return self.p_values(pairs)[pairs.lost]

    def power(self, pairs: Pairs, asked: int, level: float) -> float:
        """Return the probability that a true loss of twice the margin is noticed."""
        return _loss_power(self, asked, level)


@cache
def _loss_power(test: LossTest, asked: int, level: float) -> float:
    """Return the probability that a test notices a loss of twice its margin."""
    gained = round(test.chance.mean * asked)
    noticed = [p <= level for p in _loss_p_values(test, asked, gained)]
    if not any(noticed):
        return 0.0
    return sum(binomial(asked, min(1.0, 2 * test.margin + test.chance.mean))[noticed.index(True) :])


@cache
def _loss_p_values(test: LossTest, asked: int, gained: int) -> tuple[float, ...]:
    """Return the p-value of each possible number of lost answers; 1 if the net loss is within the margin."""
    least = floor(test.margin * asked + ROUNDING) + 1
    if test.coin:
        least = max(least, _least_of_coins(asked, test.coin))
    by_chance = _lost_by_chance(asked, test.chance)
    return tuple(by_chance[lost] if lost - gained >= least else 1.0 for lost in range(asked - gained + 1))


@cache
def _lost_by_chance(asked: int, chance: Chance) -> tuple[float, ...]:
    """Return for each number the probability that chance loses so many of the answers or more."""

    def log_beta(a: float, b: float) -> float:
        return lgamma(a) + lgamma(b) - lgamma(a + b)

    whole = log_beta(chance.lost, chance.kept)
    exactly = [
        exp(_log_comb(asked, lost) + log_beta(lost + chance.lost, asked - lost + chance.kept) - whole)
        for lost in range(asked + 1)
    ]
    return tuple(min(1.0, p) for p in accumulate(reversed(exactly)))[::-1]


@cache
def _least_of_coins(asked: int, level: float) -> int:
    """Return the smallest net loss that is significant if each answer, before and after, is a coin's toss.

    Right answers before and wrong answers after are then heads of twice as many coins; a net loss of d is d
    heads above half of them. No other probability of a right answer makes a net loss by chance more likely.
    """
    total = 0.0
    for net in range(asked, 0, -1):
        total += exp(_log_comb(2 * asked, asked + net) - asked * log(4))
        if total > level:
            return net + 1
    return 1


@dataclass(frozen=True)
class GainTest:
    """Tests that a leaf gained what is required, by the exact binomial distribution.

    The p-value is the probability of so few right answers or fewer, if each question that was answered wrong
    before is now answered right with the required probability.

    Attributes:
        required: share of the questions answered wrong before that must now be answered right.
        churn: share of the answers that change by chance; right answers may be lost so.
    """

    required: float
    churn: float

    def p_values(self, pairs: Pairs) -> tuple[float, ...]:
        """Return the p-value of each number of right answers, from 0 on."""
        return _gain_p_values(self, pairs.asked, pairs.before)

    def p(self, pairs: Pairs) -> float:
        """Return the p-value."""
        return self.p_values(pairs)[pairs.after]

    def power(self, pairs: Pairs, asked: int, level: float) -> float:
        """Return the probability that the test notices a leaf of which nothing was learned."""
        before = round(pairs.before * asked / pairs.asked)
        few = sum(p <= level for p in _gain_p_values(self, asked, before))
        return sum(binomial(before, 1 - self.churn)[:few])


@cache
def _gain_p_values(test: GainTest, asked: int, before: int) -> tuple[float, ...]:
    """Return for each number of right answers the probability of so many or fewer."""
    still, now = binomial(before, 1 - test.churn), binomial(asked - before, test.required)
    exactly = [0.0] * (asked + 1)
    for kept, probability in enumerate(still):
        for learned, other in enumerate(now):
            exactly[kept + learned] += probability * other
    return tuple(min(1.0, p) for p in accumulate(exactly))


@cache
def binomial(count: int, probability: float) -> tuple[float, ...]:
    """Return the probability of each number of successes."""
    if probability in (0.0, 1.0):
        certain = count if probability else 0
        return tuple(float(number == certain) for number in range(count + 1))
    yes, no = log(probability), log(1 - probability)
    return tuple(
        exp(_log_comb(count, number) + number * yes + (count - number) * no) for number in range(count + 1)
    )


def _log_comb(count: int, number: int) -> float:
    return lgamma(count + 1) - lgamma(number + 1) - lgamma(count - number + 1)


def common_level(tests: Iterable[Sequence[float]], error: float) -> float:
    """Return the highest level for all tests that keeps the probability of an error below a limit.

    This is Bonferroni's inequality with the p-values that the tests can have: a test with few questions has
    no p-value just below the level, so it takes less of the limit than the level (P. H. Westfall and R. D.
    Wolfinger, "Multiple tests with discrete distributions", The American Statistician 51 (1997), 3-8).

    Args:
        tests: the p-values that each test can have.
        error: maximum probability that one or more of the tests reject by chance.

    Returns:
        A level of at most `error`; 0 if no test may reject.
    """
    possible = [sorted({p for p in values if p <= error}) for values in tests]

    def spent(level: float) -> float:
        places = [bisect_right(values, level) for values in possible]
        return sum(values[place - 1] for values, place in zip(possible, places, strict=True) if place)

    levels = sorted({0.0, error}.union(*possible))
    return levels[bisect_right(levels, error, key=spent) - 1]


def needed(test: PairedTest, pairs: Pairs, level: float) -> int | None:
    """Return how many questions would be enough for a test; None if it is more than MOST_NEEDED."""
    low = high = pairs.asked
    while test.power(pairs, high, level) < POWER:
        low, high = high, 2 * high
        if high > MOST_NEEDED:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if test.power(pairs, middle, level) < POWER:
            low = middle
        else:
            high = middle
    return high
