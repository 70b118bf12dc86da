"""Counts of the same questions before and after, and the confidence intervals of shares and changes."""

import pytest

from bot.core.paired_counts import Pairs, interval, share_interval


def test_the_interval_of_a_share_is_wilsons() -> None:
    # For example 81 of 263: 0.2553 to 0.3662 (Newcombe 1998, "Two-sided confidence intervals for the single
    # proportion", Table I).
    low, high = share_interval(81, 263, 0.95)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    low, high = share_interval(0, 20, 0.95)
    assert (round(low, 4), round(high, 4)) == (0.0, 0.1611)


def test_the_interval_is_newcombes() -> None:
    # His example: 36 of 50 pairs agree on yes, 12 and 2 differ, none agrees on no; 0.0569 to 0.3404.
    low, high = interval(Pairs(asked=50, before=38, lost=2, gained=12), 0.95)
    assert (round(low, 4), round(high, 4)) == (0.0569, 0.3404)
    mirrored = interval(Pairs(asked=50, before=48, lost=12, gained=2), 0.95)
    assert mirrored == pytest.approx((-high, -low))


@pytest.mark.parametrize(
    "pairs", [Pairs(1, 0, 0, 0), Pairs(1, 1, 1, 0), Pairs(5, 5, 0, 0), Pairs(5, 0, 0, 5)]
)
def test_an_interval_holds_the_change_and_is_within_the_possible(pairs: Pairs) -> None:
    low, high = interval(pairs, 0.95)
    assert -1 <= low <= pairs.change <= high <= 1 and low < high


def test_more_questions_make_the_interval_narrower() -> None:
    few, many = interval(Pairs(10, 8, 2, 1), 0.95), interval(Pairs(100, 80, 20, 10), 0.95)
    assert few[0] < many[0] < many[1] < few[1]
