"""The tests of the gate: a loss that chance explains is none, and few questions are said to be few."""

from math import comb

import pytest

from bot.core.paired_counts import Pairs
from bot.evaluate.significance import (
    POWER,
    GainTest,
    LossTest,
    PairedTest,
    chance_of,
    common_level,
    needed,
)

ALL = Pairs(asked=39, before=33, lost=4, gained=1)
CHANCE = chance_of(0.05, ALL)
LOSS = LossTest(CHANCE, margin=0.05)


def test_what_is_known_of_chance_is_what_is_stated_and_what_was_gained() -> None:
    assert CHANCE.mean == pytest.approx((2.5 + 1) / (100 + 39))
    assert chance_of(0.05, Pairs(39, 33, 30, 1)) == CHANCE, "a true loss does not change it"
    assert chance_of(0.05, Pairs(39, 33, 4, 5)).mean > CHANCE.mean


def test_a_loss_is_the_less_likely_the_larger_it_is() -> None:
    values = LOSS.p_values(ALL)
    assert len(values) == ALL.asked - ALL.gained + 1
    assert list(values) == sorted(values, reverse=True)
    assert values[:3] == (1.0, 1.0, 1.0), "1 lost net is within the margin, 2 of 39 are not"
    assert values[3] < 1


def test_if_much_is_known_of_the_churn_chance_is_binomial() -> None:
    known = LossTest(chance_of(0.05, Pairs(10**6, 800_000, 0, 25_000)), margin=0.05)
    exact = sum(comb(39, lost) * 0.025**lost * 0.975 ** (39 - lost) for lost in range(4, 40))
    assert known.p(ALL) == pytest.approx(exact, rel=1e-3)


def test_lost_answers_are_weighed_against_gained_ones() -> None:
    assert LOSS.p(Pairs(39, 33, 4, 4)) == 1.0, "nothing was lost net"
    restless = Pairs(39, 30, 6, 3)
    assert LossTest(chance_of(0.05, restless), 0.05).p(restless) > LOSS.p(Pairs(39, 33, 6, 3))


def test_the_margin_is_allowed() -> None:
    generous = LossTest(CHANCE, margin=0.1)
    assert generous.p(Pairs(30, 30, 3, 0)) == 1.0
    assert generous.p(Pairs(30, 30, 4, 0)) < 0.05


def test_a_leaf_whose_answers_are_tosses_of_a_coin_is_not_taken_for_forgotten() -> None:
    alone = LossTest(CHANCE, margin=0.05, coin=0.05)
    assert alone.p(Pairs(5, 4, 3, 0)) == 1.0, "of ten coins, eight or more are heads in 5.5% of the cases"
    assert alone.p(Pairs(5, 4, 4, 0)) < 1e-4, "nine or more in 1.1%"


def test_what_a_leaf_must_gain_is_a_share_of_what_was_wrong() -> None:
    gain = GainTest(required=0.5, churn=0.05)
    assert gain.p(Pairs(12, 0, 0, 1)) == pytest.approx(13 / 2**12)
    assert gain.p(Pairs(12, 12, 0, 0)) == pytest.approx(1), "nothing was left to gain"
    assert gain.p(Pairs(12, 12, 12, 0)) < 1e-9, "and all of it can be lost"


def test_together_the_tests_err_no_more_than_is_allowed() -> None:
    coarse, fine = [1.0, 0.06, 0.001], [1.0, 0.04, 0.02, 0.01]
    assert common_level([coarse, fine], 0.05) == 0.05, "at 0.05, they err with 0.001 and with 0.04"
    assert common_level([fine, fine], 0.05) == 0.02
    assert common_level([fine, fine, coarse], 0.02) == 0.001
    assert common_level([[1.0, 0.04], [1.0, 0.04]], 0.05) == 0.0


@pytest.mark.parametrize("test", [LOSS, LossTest(CHANCE, 0.25, coin=0.05), GainTest(0.5, 0.05)])
def test_the_number_of_questions_that_would_do_does(test: PairedTest) -> None:
    few = Pairs(3, 1, 0, 0)
    enough = needed(test, few, 0.02)
    assert enough is not None and enough > 3
    assert test.power(few, 3, 0.02) < POWER <= test.power(few, enough, 0.02)
    assert test.power(few, enough - 1, 0.02) < POWER


def test_the_loss_of_everything_is_noticed() -> None:
    half = LossTest(CHANCE, margin=0.5)
    assert half.power(ALL, 28, 0.02) == 1.0
    assert half.power(ALL, 28, 0.0) == 0.0


def test_no_number_of_questions_would_do_for_a_tiny_loss() -> None:
    assert needed(LossTest(CHANCE, margin=1e-4), ALL, 0.02) is None
