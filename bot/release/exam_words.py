"""Words for what a leaf's exam result says: which questions were asked, and whether they were held out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

ExamStatus = Literal["held-out", "set-apart", "shared", "none"]
HELD_OUT: Final = "held-out"
"""No sample in the training data asks one of the questions."""
SET_APART: Final = "set-apart"
"""The leaf has no exam.yaml; some of its own examples were asked, which the model was not trained on."""
SHARED: Final = "shared"
"""Samples of other leaves ask some of the questions too, so the model was trained on these."""
NONE: Final = "none"
"""The leaf has no exam; its own examples were asked, which the model was trained on."""
TITLES: Mapping[ExamStatus, str] = {
    HELD_OUT: "Held-out questions",
    SET_APART: "Examples that were set apart as exams",
    SHARED: "Exam questions that samples of other leaves ask, too",
    NONE: "Own examples of leaves without an exam",
}
"""Status -> title of the results of such exams, in the order in which they are shown."""
_REMARKS = {
    HELD_OUT: "The teacher model does not see these questions, and no sample in the training data asks them.",
    SET_APART: (
        "Of a leaf without `exam.yaml`, some of its own examples were set apart as its exam. "
        "The model is trained neither on them nor on examples that state the same facts."
    ),
    NONE: (
        "A leaf without `exam.yaml` and with few examples was asked these, on which the model is trained. "
        "Right answers to them do not show that the model answers other questions on the subject."
    ),
    SHARED: "Samples of other leaves ask some of these exam questions too, so the model was trained on them.",
}


def questions(status: str, count: int) -> str:
    """Return which questions a leaf was asked, such as "12 held-out questions".

    Args:
        status: an `ExamStatus`; "" in manifests before version 4, which do not state it.
    """
    many = "question" if count == 1 else "questions"
    if status == NONE:
        return f"{count} of its own examples"
    if status == SET_APART:
        return f"{count} of its own examples, set apart"
    if status == SHARED:
        return f"{count} exam {many}, some also in other leaves' samples"
    return f"{count} held-out {many}" if status else f"{count} {many}"


@dataclass(frozen=True)
class NearMisses:
    """What a model keeps of the near misses that the base answers right.

    Attributes:
        asked: number of questions.
        base: number that the base answers right.
        before: of these, number that the previous model answers right.
        after: the same of the new model.
        lost: the rows of the leaves with fewer right answers than the base.
    """

    asked: int
    base: int
    before: int
    after: int
    lost: tuple[Mapping[str, Any], ...]


def near_misses(leaves: Iterable[Mapping[str, Any]]) -> NearMisses:
    """Return the near misses of leaves together.

    Args:
        leaves: rows of a manifest; before version 5 they have no near misses.
    """
    rows = [leaf for leaf in leaves if "near_misses" in leaf]
    counts = {
        key: sum(row["near_misses"][key] for row in rows) for key in ("asked", "base", "before", "after")
    }
    lost = [row for row in rows if row["near_misses"]["after"] < row["near_misses"]["base"]]
    return NearMisses(**counts, lost=tuple(lost))


def remark(status: ExamStatus) -> str:
    """Return a sentence that says what the questions of an exam are."""
    return _REMARKS[status]


def remarks(statuses: Iterable[str]) -> list[str]:
    """Return a sentence for each status that a reader must know before trusting the figures."""
    found = set(statuses)
    return [_REMARKS[status] for status in (SET_APART, NONE, SHARED) if status in found]
