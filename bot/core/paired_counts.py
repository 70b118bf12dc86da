"""Counts of the same questions, answered before and after, with confidence intervals."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True)
class Pairs:
    """Counts of the same questions, answered before and after.

    Attributes:
        asked: number of questions.
        before: number answered right before.
        lost: number answered right before and wrong after.
        gained: number answered wrong before and right after.
    """

    asked: int
    before: int
    lost: int
    gained: int

    @property
    def after(self) -> int:
        """The number answered right after."""
        return self.before - self.lost + self.gained

    @property
    def change(self) -> float:
        """The share answered right after, less the share answered right before."""
        return (self.gained - self.lost) / self.asked

    def __add__(self, other: "Pairs") -> "Pairs":
        return Pairs(
            self.asked + other.asked,
            self.before + other.before,
            self.lost + other.lost,
            self.gained + other.gained,
        )


NOTHING = Pairs(0, 0, 0, 0)
"""No questions: the sum of no counts."""


def interval(pairs: Pairs, confidence: float) -> tuple[float, float]:
    """Return a confidence interval of the change, by Newcombe's method 10 for paired shares.

    It combines Wilson's intervals of both shares and allows for their correlation: R. G. Newcombe, "Improved
    confidence intervals for the difference between binomial proportions based on paired data", Statistics in
    Medicine 17 (1998), 2635-2650.

    Args:
        confidence: for example 0.95.
    """
    before, after = pairs.before / pairs.asked, pairs.after / pairs.asked
    low_before, high_before = share_interval(pairs.before, pairs.asked, confidence)
    low_after, high_after = share_interval(pairs.after, pairs.asked, confidence)
    phi = _correlation(pairs)
    down, up = after - low_after, high_before - before
    low = pairs.change - sqrt(max(0.0, down**2 - 2 * phi * down * up + up**2))
    up, down = high_after - after, before - low_before
    high = pairs.change + sqrt(max(0.0, up**2 - 2 * phi * up * down + down**2))
    return max(-1.0, low), min(1.0, high)


def share_interval(right: int, asked: int, confidence: float) -> tuple[float, float]:
    """Return Wilson's interval of one share (Journal of the American Statistical Association 22, 1927).

    Args:
        confidence: for example 0.95.
    """
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    middle = (right + z**2 / 2) / (asked + z**2)
    width = z / (asked + z**2) * sqrt(right * (asked - right) / asked + z**2 / 4)
    return middle - width, middle + width


def _correlation(pairs: Pairs) -> float:
    """Return the correlation of right answers before and after, with Newcombe's continuity correction."""
    both = pairs.before - pairs.lost
    neither = pairs.asked - pairs.before - pairs.gained
    product = pairs.before * (pairs.asked - pairs.before) * pairs.after * (pairs.asked - pairs.after)
    if product == 0:
        return 0.0
    excess = float(both * neither - pairs.lost * pairs.gained)
    if excess > 0:
        excess = max(0.0, excess - pairs.asked / 2)
    return excess / sqrt(product)
