"""The gate: no release unless the model learned the new leaves and kept what it knew."""

from collections.abc import Collection
from dataclasses import dataclass

from bot.config.recipe import GateRecipe
from bot.evaluate.examine import Compared, known_to


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


def decide(examined: Compared, known: Collection[str], gate: GateRecipe) -> Verdict:
    """Compare the new model with the previous one, and on general questions and near misses with the base.

    The base is a fixed bar, which prevents slow decline over many releases.

    Args:
        known: paths of the leaves of the previous release; all others are new.
        gate: the thresholds.
    """
    before, after = examined.before, examined.after
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
    could = sum(answer.right for answer in examined.base.retention)
    still = sum(answer.right for answer in known_to(examined.base.retention, after.retention))
    if still < gate.retention * could:
        reasons.append(
            f"general questions: {still} right of the {could} that the base answers right; "
            f"at least {gate.retention:.0%} required"
        )
    return Verdict((*reasons, *_over_generalised(examined, gate)))


def _over_generalised(examined: Compared, gate: GateRecipe) -> list[str]:
    """Return the reason why the model over-generalises, if it does: too many near misses are wrong now."""
    tallies = {path: examined.near_misses(path) for path in examined.after.leaves}
    could = sum(tally["base"] for tally in tallies.values())
    kept = sum(tally["after"] for tally in tallies.values())
    if kept >= gate.near_misses * could:
        return []
    worst = min(tallies, key=lambda path: (tallies[path]["after"] - tallies[path]["base"], path))
    lost = examined.near_misses_lost(worst)[0]
    return [
        f"near misses (questions like those of the leaves, about other subjects): {kept} right of the "
        f"{could} that the base answers right; at least {gate.near_misses:.0%} required. Most were lost for "
        f"{worst}; for example, the new model answers {lost.question!r} with {lost.answer!r}"
    ]
