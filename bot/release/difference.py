"""The difference between two releases: leaves, exam marks, near misses, and answers that became wrong."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bot.core.paired_counts import NOTHING, Pairs, interval
from bot.release.exam_words import HELD_OUT

Kind = Literal["exam", "near miss", "general question"]
LeafChange = Literal["added", "changed", "removed", "same"]


@dataclass(frozen=True)
class Mark:
    """Right answers of one model.

    Attributes:
        status: the exam's; "" for other questions, and in manifests before version 4.
    """

    right: int
    asked: int
    status: str = ""


@dataclass(frozen=True)
class Marks:
    """Right answers of the earlier and of the later model.

    Attributes:
        before: of the earlier model; None if it was not asked.
        after: of the later model; None if it was not asked.
        pairs: the answers of both models to the same questions; None if they are not known.
    """

    before: Mark | None
    after: Mark | None
    pairs: Pairs | None = None

    @property
    def held_out(self) -> bool:
        """Whether both models were asked held-out questions."""
        return all(mark is not None and mark.status == HELD_OUT for mark in (self.before, self.after))

    def to_json(self, confidence: float) -> dict[str, Any]:
        """Return the marks as plain data; see schemas/diff.json."""
        return {
            "before": asdict(self.before) if self.before else None,
            "after": asdict(self.after) if self.after else None,
            "pairs": {
                **asdict(self.pairs),
                "change": self.pairs.change,
                "interval": list(interval(self.pairs, confidence)),
            }
            if self.pairs
            else None,
        }


@dataclass(frozen=True)
class NearMisses:
    """Near misses of a release.

    Attributes:
        base: number that the base answers right.
        kept: of these, number that the release answers right.
    """

    base: int
    kept: int


@dataclass(frozen=True)
class LeafDifference:
    """A leaf in two releases.

    Attributes:
        near_before: its near misses in the earlier release; None if they are not known.
        near_after: the same of the later release.
    """

    path: str
    change: LeafChange
    created_by: str
    exam: Marks
    near_before: NearMisses | None
    near_after: NearMisses | None


@dataclass(frozen=True)
class LostAnswer:
    """A question that the earlier model answers right and the later one wrong.

    Attributes:
        leaf: path of the leaf; "" for a general question.
        before: the earlier model's answer.
        after: the later model's answer.
    """

    kind: Kind
    leaf: str
    question: str
    before: str
    after: str


@dataclass(frozen=True)
class Difference:
    """The difference between two releases of a model.

    Attributes:
        before: tag of the earlier release.
        after: tag of the later release.
        confidence: of the intervals.
        lost: the answers that changed from right to wrong, as far as the store has both models' answers.
        unknown: number of sets of questions (an exam, a leaf's near misses, the general questions) that both
            releases have, and that the store does not have both models' answers to.
    """

    repository: str
    before: str
    after: str
    confidence: float
    leaves: tuple[LeafDifference, ...]
    general: Marks
    lost: tuple[LostAnswer, ...]
    unknown: int

    @property
    def near_before(self) -> NearMisses:
        """The near misses of all leaves in the earlier release."""
        return _sum([leaf.near_before for leaf in self.leaves])

    @property
    def near_after(self) -> NearMisses:
        """The near misses of all leaves in the later release."""
        return _sum([leaf.near_after for leaf in self.leaves])

    @property
    def held_out(self) -> Marks:
        """The marks of all leaves together whose questions are held out in both releases."""
        found = [leaf.exam for leaf in self.leaves if leaf.exam.held_out]
        before = _total([marks.before for marks in found])
        after = _total([marks.after for marks in found])
        pairs = [marks.pairs for marks in found if marks.pairs]
        known = pairs and len(pairs) == len(found)
        return Marks(before, after, sum(pairs, NOTHING) if known else None)

    def to_json(self) -> dict[str, Any]:
        """Return the difference as plain data; see schemas/diff.json."""
        return {
            "version": 1,
            "repository": self.repository,
            "before": self.before,
            "after": self.after,
            "confidence": self.confidence,
            "leaves": [self._leaf(leaf) for leaf in self.leaves],
            "held_out": self.held_out.to_json(self.confidence),
            "general": self.general.to_json(self.confidence),
            "near_misses": {"before": asdict(self.near_before), "after": asdict(self.near_after)},
            "lost": [asdict(one) for one in self.lost],
            "unknown": self.unknown,
        }

    def _leaf(self, leaf: LeafDifference) -> dict[str, Any]:
        return {
            "path": leaf.path,
            "change": leaf.change,
            "created_by": leaf.created_by,
            "exam": leaf.exam.to_json(self.confidence),
            "near_misses": {
                "before": asdict(leaf.near_before) if leaf.near_before else None,
                "after": asdict(leaf.near_after) if leaf.near_after else None,
            },
        }


def _sum(parts: Sequence[NearMisses | None]) -> NearMisses:
    known = [part for part in parts if part is not None]
    return NearMisses(sum(one.base for one in known), sum(one.kept for one in known))


def _total(parts: Sequence[Mark | None]) -> Mark | None:
    known = [part for part in parts if part is not None]
    return Mark(sum(m.right for m in known), sum(m.asked for m in known), HELD_OUT) if known else None
