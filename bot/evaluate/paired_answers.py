"""Paired answers: the same questions, answered by the model before and the model after."""

from collections.abc import Sequence

from bot.core.paired_counts import Pairs
from bot.evaluate.examine import Answer


def pairs_of(before: Sequence[Answer], after: Sequence[Answer]) -> Pairs:
    """Count two models' answers to the same questions.

    Raises:
        ValueError: the models were not asked the same questions in the same order.
    """
    if [one.question for one in before] != [one.question for one in after]:
        raise ValueError("the models were not asked the same questions")
    both = [(one.right, other.right) for one, other in zip(before, after, strict=True)]
    return Pairs(
        asked=len(both),
        before=sum(right for right, _ in both),
        lost=both.count((True, False)),
        gained=both.count((False, True)),
    )
