"""The gate: the new contributions are learnt, and nothing else is forgotten, or there is no release."""

from collections.abc import Collection
from dataclasses import dataclass

from bot.evaluate import Examination
from bot.recipe import GateRecipe


@dataclass(frozen=True)
class Verdict:
    """The gate's answer; `reasons` says in sentences what kept it shut."""

    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.reasons


def decide(
    base: Examination, before: Examination, after: Examination, known: Collection[str], gate: GateRecipe
) -> Verdict:
    """Compare the new model with the one before it, and in general questions with the base.

    Args:
        base: what the base answered to the general questions: a bar that does not sink release by release.
        before: what the release before (or the base) answered to the same exams.
        known: leaves that the release before already held; all others are new.
    """
    reasons = []
    for path in after.leaves:
        right, asked = after.score(path)
        if path not in known and right < gate.new * asked:
            reasons.append(f"new leaf {path}: {right} of {asked} right, wanted at least {gate.new:.0%}")
    old = [path for path in after.leaves if path in known]
    had, kept = sum(before.score(p)[0] for p in old), sum(after.score(p)[0] for p in old)
    if kept < gate.kept * had:
        reasons.append(f"older leaves: {kept} right, {had} before; wanted at least {gate.kept:.0%} of those")
    could = {answer.question for answer in base.retention if answer.right}
    still = sum(answer.right for answer in after.retention if answer.question in could)
    if still < gate.retention * len(could):
        reasons.append(
            f"general questions: {still} right of {len(could)} that the base has right; "
            f"wanted at least {gate.retention:.0%}"
        )
    return Verdict(tuple(reasons))
