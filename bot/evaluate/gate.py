"""The gate: no release unless the model learned the new leaves and kept what it knew."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.config.recipe import GateRecipe
from bot.core.paired_counts import interval
from bot.evaluate.examine import Compared
from bot.evaluate.gate_criteria import Counted, Criterion, count, criteria_of
from bot.evaluate.significance import MOST_NEEDED, POWER, common_level, needed

NAMED = 5
"""Maximum number of undecided criteria that the note names."""


@dataclass(frozen=True)
class Verdict:
    """The gate's decision.

    Attributes:
        reasons: one sentence for each criterion that a release failed by; empty if the gate passed.
        note: the criteria that have too few questions and did not fail the release; "" if there are none.
        report: the decision and all criteria as plain data; see schemas/gate.json.
    """

    reasons: tuple[str, ...]
    note: str = ""
    report: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether the model may be released: the gate passed, or a maintainer overrides it."""
        return not self.reasons or "override" in self.report


@dataclass(frozen=True)
class Result:
    """What the gate found for one criterion.

    Attributes:
        confidence: of the interval.
        outcome: `undecided` if there are too few questions to tell.
        enough: number of questions that would do, if undecided; None if it is decided, or no number would do.
    """

    criterion: Criterion
    confidence: float
    outcome: Literal["passed", "failed", "undecided"]
    enough: int | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """The confidence interval of the change."""
        return interval(self.criterion.pairs, self.confidence)

    def sentence(self) -> str:
        """Return what was found and what is required, in words."""
        one, pairs = self.criterion, self.criterion.pairs
        low, high = map(_points, self.interval)
        by = " by the base" if one.against == "base" else " before"
        found = (
            f"{one.name}: {pairs.after} of {pairs.asked} right, {pairs.before}{by}; a change of "
            f"{_points(pairs.change)} points ({100 * self.confidence:g}% interval {low} to {high})"
        )
        if self.outcome == "undecided":
            return f"{found}; {self.too_few()}"
        points = f"{abs(100 * one.required):.3g} points"
        limit = f"at least {points} must be gained" if one.required > 0 else f"at most {points} may be lost"
        chance = f"which chance explains in {_percent(one.test.p(pairs))} of the cases"
        return "; ".join(filter(None, (f"{found}, {chance}", limit, one.example)))

    def too_few(self) -> str:
        """Return how many questions would do, in words."""
        enough = f"{self.enough} would do" if self.enough else f"more than {MOST_NEEDED:,} are needed"
        return f"{self.criterion.pairs.asked} questions are too few to tell, {enough}"

    def to_json(self) -> dict[str, Any]:
        """Return a row of the report; see schemas/gate.json."""
        one, pairs = self.criterion, self.criterion.pairs
        return {
            "kind": one.kind,
            "leaf": one.leaf,
            "against": one.against,
            "asked": pairs.asked,
            "before": pairs.before,
            "after": pairs.after,
            "lost": pairs.lost,
            "gained": pairs.gained,
            "change": pairs.change,
            "interval": list(self.interval),
            "required": one.required,
            "p": one.test.p(pairs),
            "verdict": self.outcome,
            "enough": self.enough,
        }


def decide(examined: Compared, known: Collection[str], gate: GateRecipe) -> Verdict:
    """Compare the new model with the previous one, and on general questions and near misses with the base.

    Args:
        known: paths of the leaves of the previous release; all others are new.
        gate: what a release needs.
    """
    return judge(count(examined, known), gate)


def judge(counted: Counted, gate: GateRecipe) -> Verdict:
    """Decide by the counts of the answers.

    The probability that chance alone fails a criterion is at most 1 - `gate.confidence` for all criteria
    together, as far as the churn is what the recipe states.
    """
    criteria = criteria_of(counted, gate)
    error = round(1 - gate.confidence, 9)
    level = common_level([one.test.p_values(one.pairs) for one in criteria], error)
    results = [_result(one, gate.confidence, level) for one in criteria]
    failed = [one for one in results if one.outcome == "failed"]
    undecided = [one for one in results if one.outcome == "undecided"]
    if gate.undecided == "refuse":
        failed, undecided = failed + undecided, []
    reasons = tuple(one.sentence() for one in failed)
    report = {
        "version": 1,
        "decision": "failed" if reasons else "passed",
        "confidence": gate.confidence,
        "level": level,
        "undecided": gate.undecided,
        "criteria": [one.to_json() for one in results],
    }
    return Verdict(reasons, _note(undecided), report)


def _result(criterion: Criterion, confidence: float, level: float) -> Result:
    """Return what the gate finds for a criterion.

    Args:
        level: the tests reject at p-values up to this one.
    """
    test, pairs = criterion.test, criterion.pairs
    if test.p(pairs) <= level:
        return Result(criterion, confidence, "failed")
    learned = criterion.kind == "new leaf" and pairs.change >= criterion.required
    if learned or test.power(pairs, pairs.asked, level) >= POWER:
        return Result(criterion, confidence, "passed")
    return Result(criterion, confidence, "undecided", needed(test, pairs, level))


def _note(undecided: Sequence[Result]) -> str:
    """Return a sentence that names the first undecided criteria; "" if there are none."""
    if not undecided:
        return ""
    named = "; ".join(f"{one.criterion.name}: {one.too_few()}" for one in undecided[:NAMED])
    more = f"; and {len(undecided) - NAMED} more" if len(undecided) > NAMED else ""
    return f"passed without a decision, by `gate.undecided`: {named}{more}"


def _points(share: float) -> str:
    """Return a change in percentage points, with its sign."""
    return f"{round(100 * share):+d}"


def _percent(share: float) -> str:
    """Return a small share in percent."""
    return f"{share:.1%}" if share >= 0.001 else "less than 0.1%"
