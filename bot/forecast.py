"""What merging will take, for the comment: by what earlier runs in the store really took, else by a formula.

No model is loaded: of one that nobody has run yet config.json alone is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bot.recipe import PhaseRecipe, Recipe
from bot.shape import shape_of
from bot.speed import GENERAL_TOKENS, GIVEN, tokens_a_second
from bot.took import Took, alike, examination_by, generation_by, seconds_each, training_by


@dataclass(frozen=True)
class Step:
    """One step of a release.

    Attributes:
        seconds: what it is expected to take; None where nothing is known.
        basis: on what that is based, or why nothing is known.
    """

    name: str
    seconds: float | None
    basis: str


@dataclass(frozen=True)
class Forecast:
    """What a release is expected to take.

    Attributes:
        price: of all steps that are known; None where the recipe states none.
        complete: whether all steps are known.
    """

    steps: tuple[Step, ...]
    seconds: float
    price: float | None
    currency: str
    complete: bool


def forecast(to_generate: int, leaves: int, recipe: Recipe, runs: Sequence[Took]) -> Forecast:
    """Estimate generation, training and examination.

    Args:
        to_generate: samples that the teacher still has to make.
        leaves: how many the taxonomy will have.
        runs: what earlier runs took; see `bot.took.latest`.
    """
    phases: tuple[tuple[Literal["knowledge", "skills"], PhaseRecipe], ...] = (
        ("knowledge", recipe.train.knowledge),
        ("skills", recipe.train.skills),
    )
    steps = (
        _generation(to_generate, recipe, runs),
        *(_training(name, phase, leaves, recipe, runs) for name, phase in phases),
        _examination(leaves, recipe, runs),
    )
    seconds = sum(step.seconds or 0.0 for step in steps)
    stated = recipe.estimate
    price = seconds / 3600 * stated.price_per_hour if stated.price_per_hour else None
    complete = all(step.seconds is not None for step in steps)
    return Forecast(steps, seconds, price, stated.currency, complete)


def _generation(to_generate: int, recipe: Recipe, runs: Sequence[Took]) -> Step:
    name = f"{to_generate} samples to generate"
    if not to_generate:
        return Step(name, 0.0, "all are in the store")
    known = alike(runs, "generate", generation_by(recipe))
    if not known:
        return Step(name, None, "no run with this teacher is in the store yet")
    return Step(name, to_generate * seconds_each(known), _measured(known))


def _training(
    phase: Literal["knowledge", "skills"],
    stated: PhaseRecipe,
    leaves: int,
    recipe: Recipe,
    runs: Sequence[Took],
) -> Step:
    name, rounds = f"training on {phase}", stated.epochs * stated.ensemble
    known = alike(runs, phase, training_by(phase, recipe))
    if known:
        newest = known[0]
        tokens = newest.amount / newest.leaves / newest.rounds * leaves * rounds
        return Step(name, tokens * seconds_each(known), _measured(known))
    device = recipe.estimate.device
    if not device:
        return Step(
            name, None, "no such run is in the store yet, and the recipe's `estimate` names no device"
        )
    size = recipe.student.parameters
    if not size:
        shape = shape_of(recipe.student.model)
        if shape is None:
            return Step(
                name, None, f"no such run is in the store yet, and {recipe.student.model} has no config.json"
            )
        size = shape.parameters
    # No leaf is read for this, so half of them are taken for knowledge, and half for skills.
    given = GIVEN[phase] if recipe.generate.pipeline == "small" else 1
    tokens = leaves / 2 * recipe.generate.samples * given * GENERAL_TOKENS * rounds
    basis = f"by formula for {recipe.train.processes} x {device}, since no such run is in the store yet"
    return Step(name, tokens / tokens_a_second(round(size), recipe, device), basis)


def _examination(leaves: int, recipe: Recipe, runs: Sequence[Took]) -> Step:
    known = alike(runs, "examine", examination_by(recipe))
    if not known:
        return Step("exams", None, "none was sat with this student yet")
    return Step("exams", leaves * known[0].amount / known[0].leaves * seconds_each(known), _measured(known))


def _measured(runs: Sequence[Took]) -> str:
    count = "the last run" if len(runs) == 1 else f"the last {len(runs)} runs"
    return f"as {count} on {runs[0].device} took"
