"""Paired answers: counts of two models' answers to the same questions, and the interval of the change."""

import pytest

from bot.evaluate.examine import Answer
from bot.evaluate.paired_answers import NOTHING, Pairs, interval, pairs_of


def answers(*right: bool) -> tuple[Answer, ...]:
    return tuple(Answer(f"Question {place}?", "So.", one) for place, one in enumerate(right))


def test_answers_are_counted_question_by_question() -> None:
    pairs = pairs_of(answers(True, True, False, False), answers(True, False, True, False))
    assert pairs == Pairs(asked=4, before=2, lost=1, gained=1)
    assert (pairs.after, pairs.change) == (2, 0)
    assert NOTHING + pairs + pairs == Pairs(asked=8, before=4, lost=2, gained=2)


def test_other_questions_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="the same questions"):
        pairs_of(answers(True, True), answers(True))


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
