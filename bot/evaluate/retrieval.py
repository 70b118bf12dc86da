"""Exams with retrieval: each question with passages that were found for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.evaluate.exams import ExamItem
from bot.inference.retrieval import Passage, Shelf, with_passages


@dataclass(frozen=True)
class FoundItem(ExamItem):
    """A question of an exam with passages; the answer is marked as without them.

    Attributes:
        given: the request that has both. The key of the answers depends on it, so on each passage.
    """

    given: str = ""

    @property
    def request(self) -> str:
        return self.given


def retrieval_exam(
    items: Sequence[ExamItem], shelf: Shelf, count: int
) -> tuple[list[FoundItem], list[list[Passage]]]:
    """Return a leaf's exam with passages before each question, and these passages.

    Args:
        count: the number of passages for each question.
    """
    found = [shelf.find(item.question, count) for item in items]
    return [_with(item, passages) for item, passages in zip(items, found, strict=True)], found


def _with(item: ExamItem, passages: Sequence[Passage]) -> FoundItem:
    given = with_passages(item.question, passages)
    return FoundItem(**vars(item), given=given)
