"""The gate: no release unless the model learned the new leaves and kept what it knew."""

from collections.abc import Collection
from dataclasses import dataclass

from bot.config.recipe import GateRecipe
from bot.evaluate.examine import Examination


@dataclass(frozen=True)
class Verdict:
    """The gate's decision.

    Attributes:
        reasons: one sentence for each criterion that failed; empty if the gate passed.
    """

    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the model may be released."""
        return not self.reasons


def decide(
    base: Examination, before: Examination, after: Examination, known: Collection[str], gate: GateRecipe
) -> Verdict:
    """Compare the new model with the previous one, and on general questions with the base.

    Args:
        base: the examination of the base; as a fixed bar, it prevents slow decline over many releases.
        before: the examination of the previous release; of the base if there is none.
        after: the examination of the new model.
        known: paths of the leaves of the previous release; all others are new.
        gate: the thresholds.
    """
    reasons = []
    for path in after.leaves:
        right, asked = after.score(path)
        if path not in known and right < gate.new * asked:
            reasons.append(f"new leaf {path}: {right} of {asked} right; at least {gate.new:.0%} required")
    old = [path for path in after.leaves if path in known]
    had, kept = sum(before.score(p)[0] for p in old), sum(after.score(p)[0] for p in old)
    if kept < gate.kept * had:
        reasons.append(
            f"older leaves: {kept} right, {had} before; at least {gate.kept:.0%} of these required"
        )
    could = {answer.question for answer in base.retention if answer.right}
    still = sum(answer.right for answer in after.retention if answer.question in could)
    if still < gate.retention * len(could):
        reasons.append(
            f"general questions: {still} right of the {len(could)} that the base answers right; "
            f"at least {gate.retention:.0%} required"
        )
    return Verdict(tuple(reasons))
