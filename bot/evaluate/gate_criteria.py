"""What a release needs: the criteria of the gate, each with the answers that it compares and its test."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from bot.config.recipe import GateRecipe
from bot.core.paired_counts import NOTHING, Pairs
from bot.evaluate.examine import Compared
from bot.evaluate.paired_answers import pairs_of
from bot.evaluate.significance import GainTest, LossTest, PairedTest, chance_of

BASE_CHURN = 2
"""How many times the churn between two trainings the churn between the base and a trained model is."""
Kind = Literal["new leaf", "older leaves", "older leaf", "general questions", "near misses"]
WORDS: Mapping[Kind, str] = {
    "near misses": "near misses (questions like those of the leaves, about other subjects)",
}
"""Kinds that need an explanation in a sentence."""


@dataclass(frozen=True)
class Counted:
    """Counts of the answers that the gate compares.

    Attributes:
        new: path of each leaf that the previous release did not have -> its exam, before and after.
        older: the same for all other leaves.
        general: the general questions, answered by the base and by the new model.
        near: the same for the near misses.
        example: of the near misses that were lost, the worst leaf and one answer; "" if none was lost.
    """

    new: Mapping[str, Pairs]
    older: Mapping[str, Pairs]
    general: Pairs = NOTHING
    near: Pairs = NOTHING
    example: str = ""


@dataclass(frozen=True)
class Criterion:
    """One criterion of the gate.

    Attributes:
        pairs: the answers before and after.
        test: the test whose rejection fails the criterion.
        required: smallest change that is accepted; below 0 for a loss that is allowed.
        leaf: path of the leaf; "" if the criterion is about several.
        example: words that the reason ends with; "" for none.
    """

    kind: Kind
    pairs: Pairs
    test: PairedTest
    required: float
    leaf: str = ""
    example: str = ""

    @property
    def name(self) -> str:
        """The criterion's name in a sentence."""
        return f"{WORDS.get(self.kind, self.kind)} {self.leaf}".rstrip()

    @property
    def against(self) -> Literal["before", "base"]:
        """The model that the new one is compared with.

        The base is a fixed bar, so that small losses do not add up over many releases. Exams are compared
        with the previous release, because the base knows nothing of the leaves.
        """
        return "base" if self.kind in ("general questions", "near misses") else "before"


def count(examined: Compared, known: Collection[str]) -> Counted:
    """Count the answers that the gate compares.

    Args:
        known: paths of the leaves of the previous release; all others are new.
    """
    base, before, after = examined.base, examined.before, examined.after
    exams = {path: pairs_of(before.leaves[path], answers) for path, answers in after.leaves.items()}
    near = {path: pairs_of(base.near[path], answers) for path, answers in after.near.items()}
    return Counted(
        new={path: pairs for path, pairs in exams.items() if path not in known},
        older={path: pairs for path, pairs in exams.items() if path in known},
        general=pairs_of(base.retention, after.retention),
        near=sum(near.values(), NOTHING),
        example=_example(examined, near),
    )


def _example(examined: Compared, near: Mapping[str, Pairs]) -> str:
    """Return where most near misses were lost, with one answer; "" if none was lost."""
    worst = min(near, key=lambda path: (near[path].after - near[path].before, path), default="")
    if not worst or not near[worst].lost:
        return ""
    lost = examined.near_misses_lost(worst)[0]
    return (
        f"most were lost for {worst}; for example, the new model answers {lost.question!r} "
        f"with {lost.answer!r}"
    )


def criteria_of(counted: Counted, gate: GateRecipe) -> list[Criterion]:
    """Return the criteria that apply; a margin of 1 and a required gain of 0 switch theirs off."""
    every = (*_learned(counted, gate), *_kept(counted, gate), *_kept_of_the_base(counted, gate))
    return [one for one in every if one.pairs.asked and one.required > -1]


def _learned(counted: Counted, gate: GateRecipe) -> Iterator[Criterion]:
    """Yield the criteria of the new leaves."""
    test = GainTest(gate.new, gate.churn)
    for path, pairs in counted.new.items() if gate.new else ():
        required = gate.new * (pairs.asked - pairs.before) / max(1, pairs.asked)
        yield Criterion("new leaf", pairs, test, required, path)


def _kept(counted: Counted, gate: GateRecipe) -> Iterator[Criterion]:
    """Yield the criteria of the older leaves, together (if there are several) and each."""
    together = sum(counted.older.values(), NOTHING)
    chance = chance_of(gate.churn, together)
    if len(counted.older) > 1:
        yield Criterion("older leaves", together, LossTest(chance, gate.margin), -gate.margin)
    test = LossTest(chance, gate.leaf_margin, coin=round(1 - gate.confidence, 9))
    for path, pairs in counted.older.items():
        yield Criterion("older leaf", pairs, test, -gate.leaf_margin, path)


def _kept_of_the_base(counted: Counted, gate: GateRecipe) -> Iterator[Criterion]:
    """Yield the criteria of what the base could do."""
    chance = chance_of(min(1.0, BASE_CHURN * gate.churn), counted.general + counted.near)
    general, near = (LossTest(chance, margin) for margin in (gate.retention_margin, gate.near_miss_margin))
    yield Criterion("general questions", counted.general, general, -gate.retention_margin)
    yield Criterion("near misses", counted.near, near, -gate.near_miss_margin, example=counted.example)
