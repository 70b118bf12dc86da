"""Comparison of two releases by their manifests, and by the answers of their models that the store has."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.core.paired_counts import Pairs
from bot.release.difference import (
    Difference,
    Kind,
    LeafChange,
    LeafDifference,
    LostAnswer,
    Mark,
    Marks,
    NearMisses,
)
from bot.release.leaf_changes import Row, leaf_changes, rows_of

DEFAULT_CONFIDENCE = 0.95
"""The confidence of intervals if the later manifest does not state it."""


class GivenAnswer(Protocol):
    """A question, a model's answer, and whether the answer is right."""

    @property
    def question(self) -> str: ...

    @property
    def answer(self) -> str: ...

    @property
    def right(self) -> bool: ...


Answers = Sequence[GivenAnswer]


@dataclass(frozen=True)
class StoredAnswers:
    """The answers of a released model that the store has.

    Attributes:
        exams: path of the leaf -> answers to its exam.
        near: path of the leaf -> answers to its near misses.
        general: answers to the general questions; () if the store does not have them.
    """

    exams: Mapping[str, Answers] = field(default_factory=dict)
    near: Mapping[str, Answers] = field(default_factory=dict)
    general: Answers = ()


NOT_STORED = StoredAnswers()
"""The store has no answers."""


@dataclass(frozen=True)
class _Asked:
    """A set of questions that both releases have, with the answers; () if the store does not have them."""

    kind: Kind
    leaf: str
    before: Answers
    after: Answers

    @property
    def both(self) -> list[tuple[GivenAnswer, GivenAnswer]]:
        """The answers of both models to the questions that both were asked."""
        earlier = {one.question: one for one in self.before}
        return [(earlier[one.question], one) for one in self.after if one.question in earlier]


def compare_releases(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    answers_before: StoredAnswers = NOT_STORED,
    answers_after: StoredAnswers = NOT_STORED,
) -> Difference:
    """Compare two releases.

    Args:
        before: the earlier manifest, of any version.
        after: the later manifest, of any version.
    """
    asked = list(_asked_in_both(before, after, answers_before, answers_after))
    pairs = {(one.kind, one.leaf): _pairs(one.both) for one in asked if one.both}
    follows = after.get("previous") == before["release"]
    return Difference(
        repository=after["repository"],
        before=before["release"],
        after=after["release"],
        confidence=float(after["recipe"].get("gate", {}).get("confidence", DEFAULT_CONFIDENCE)),
        leaves=tuple(_leaves(before, after, pairs, follows=follows)),
        general=_general(before, after, pairs.get(("general question", "")), follows=follows),
        lost=tuple(_lost(asked)),
        unknown=sum(1 for one in asked if not (one.before and one.after)),
    )


def _asked_in_both(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    answers_before: StoredAnswers,
    answers_after: StoredAnswers,
) -> Iterator[_Asked]:
    """Yield the exams and near misses of the leaves that both releases have, and the general questions."""
    old, new = rows_of(before), rows_of(after)
    for path in sorted(old.keys() & new.keys()):
        yield _Asked("exam", path, answers_before.exams.get(path, ()), answers_after.exams.get(path, ()))
        if all(row.get("near_misses", {}).get("asked") for row in (old[path], new[path])):
            near = answers_before.near.get(path, ()), answers_after.near.get(path, ())
            yield _Asked("near miss", path, *near)
    yield _Asked("general question", "", answers_before.general, answers_after.general)


def _pairs(both: Sequence[tuple[GivenAnswer, GivenAnswer]]) -> Pairs:
    marks = [(one.right, other.right) for one, other in both]
    return Pairs(
        asked=len(marks),
        before=sum(right for right, _ in marks),
        lost=marks.count((True, False)),
        gained=marks.count((False, True)),
    )


def _lost(asked: Iterable[_Asked]) -> Iterator[LostAnswer]:
    for one in asked:
        for earlier, later in one.both:
            if earlier.right and not later.right:
                yield LostAnswer(one.kind, one.leaf, later.question, earlier.answer, later.answer)


def _leaves(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    pairs: Mapping[tuple[Kind, str], Pairs],
    *,
    follows: bool,
) -> Iterator[LeafDifference]:
    changes = leaf_changes(before, after)
    words: dict[str, LeafChange] = dict.fromkeys((row["path"] for row in changes.added), "added")
    words |= dict.fromkeys((row["path"] for row in changes.changed), "changed")
    words |= dict.fromkeys((row["path"] for row in changes.removed), "removed")
    old, new = rows_of(before), rows_of(after)
    for path, row in sorted({**old, **new}.items()):
        exam = _exam(old.get(path), new.get(path), pairs.get(("exam", path)), follows=follows)
        near = _near(old.get(path)), _near(new.get(path))
        yield LeafDifference(path, words.get(path, "same"), row["created_by"], exam, *near)


def _exam(earlier: Row | None, later: Row | None, stored: Pairs | None, *, follows: bool) -> Marks:
    """Return the marks of a leaf.

    Args:
        stored: both models' answers, if the store has them.
        follows: whether the releases follow each other; then the later manifest has the marks of the earlier
            model, also for new leaves.
    """
    before = _mark(earlier["exam"], "after", earlier["exam"].get("status", "")) if earlier else None
    if later is None:
        return Marks(before, None)
    status = later["exam"].get("status", "")
    if follows:
        before = _mark(later["exam"], "before", before.status if before else status)
    return Marks(before, _mark(later["exam"], "after", status), stored or _recorded(later["exam"], follows))


def _mark(exam: Mapping[str, Any], when: str, status: str) -> Mark:
    return Mark(exam[when]["right"], exam[when]["asked"], status)


def _recorded(exam: Mapping[str, Any], follows: bool) -> Pairs | None:
    """Return the answers of both models as the later manifest counts them; older ones do not."""
    if not follows or "lost" not in exam or not exam["after"]["asked"]:
        return None
    return Pairs(exam["after"]["asked"], exam["before"]["right"], exam["lost"], exam["gained"])


def _near(row: Row | None) -> NearMisses | None:
    near = row.get("near_misses") if row else None
    return NearMisses(near["base"], near["after"]) if near else None


def _general(
    before: Mapping[str, Any], after: Mapping[str, Any], stored: Pairs | None, *, follows: bool
) -> Marks:
    old, new = before["examined"]["retention"], after["examined"]["retention"]
    earlier = Mark(new["before"], new["asked"]) if follows else Mark(old["after"], old["asked"])
    recorded = None
    if follows and "lost" in new and new["asked"]:
        recorded = Pairs(new["asked"], new["before"], new["lost"], new["gained"])
    return Marks(earlier, Mark(new["after"], new["asked"]), stored or recorded)
