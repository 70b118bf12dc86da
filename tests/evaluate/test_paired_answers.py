"""Paired answers: counts of two models' answers to the same questions."""

import pytest

from bot.core.paired_counts import NOTHING, Pairs
from bot.evaluate.examine import Answer
from bot.evaluate.paired_answers import pairs_of


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
