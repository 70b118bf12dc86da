"""Forecast of a release's time and price, for the comment: from earlier runs in the store or by formula.

No model is loaded. If a student was never trained, only its config.json is read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.config.profiles import profile_of
from bot.config.recipe import PhaseRecipe, Recipe
from bot.core.durations import Took, alike, seconds_each
from bot.inference.model_shape import shape_of
from bot.pipeline.training_speed import (
    GENERAL_TOKENS,
    GIVEN,
    Speed,
    examination_by,
    generation_by,
    gguf_by,
    layers_of,
    retrieval_by,
    tasks_by,
    training_by,
)


@dataclass(frozen=True)
class Step:
    """One step of a release.

    Attributes:
        seconds: the expected duration; None if unknown.
        basis: what the duration is based on, or why it is unknown.
    """

    name: str
    seconds: float | None
    basis: str


@dataclass(frozen=True)
class Forecast:
    """The expected duration and price of a release.

    Attributes:
        seconds: duration of all steps whose duration is known.
        price: price of these steps; None if the recipe gives no price.
        complete: whether the durations of all steps are known.
    """

    steps: tuple[Step, ...]
    seconds: float
    price: float | None
    currency: str
    complete: bool


def forecast(to_generate: int, leaves: int, recipe: Recipe, runs: Sequence[Took]) -> Forecast:
    """Estimate the duration of all steps of a release before it is published.

    Args:
        to_generate: number of samples that the teacher still has to generate.
        leaves: number of leaves in the taxonomy after the merge.
        runs: measurements of earlier runs; see `bot.core.durations.latest`.
    """
    phases: tuple[tuple[Literal["knowledge", "skills"], PhaseRecipe], ...] = (
        ("knowledge", recipe.train.knowledge),
        ("skills", recipe.train.skills),
    )
    steps = (
        _generation(to_generate, recipe, runs),
        *(_training(name, phase, leaves, recipe, runs) for name, phase in phases),
        *_examinations(leaves, recipe, runs),
    )
    seconds = sum(step.seconds or 0.0 for step in steps)
    runner = recipe.estimate
    price = seconds / 3600 * runner.price_per_hour if runner.price_per_hour else None
    complete = all(step.seconds is not None for step in steps)
    return Forecast(steps, seconds, price, runner.currency, complete)


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
    settings: PhaseRecipe,
    leaves: int,
    recipe: Recipe,
    runs: Sequence[Took],
) -> Step:
    name, rounds = f"training on {phase}", settings.epochs * settings.ensemble
    known = alike(runs, phase, training_by(phase, recipe))
    if known:
        newest = known[0]
        tokens = newest.amount / newest.leaves / newest.rounds * leaves * rounds
        return Step(name, tokens * seconds_each(known), _measured(known))
    device = recipe.estimate.device
    if not device:
        return Step(
            name, None, "no such run is in the store yet, and estimate.device is not set in the recipe"
        )
    size, shape = recipe.student.parameters, None
    if not size:
        shape = shape_of(recipe.student.model)
        if shape is None:
            return Step(
                name, None, f"no such run is in the store yet, and {recipe.student.model} has no config.json"
            )
        size = shape.parameters
    # Leaves are not read here; half of them are assumed to be knowledge, half skills.
    given = GIVEN[phase] if recipe.generate.pipeline == "small" else 1
    tokens = leaves / 2 * recipe.generate.samples * given * GENERAL_TOKENS * rounds
    basis = f"by formula for {profile_of(recipe).processes} x {device}; no such run is in the store yet"
    speed = Speed(round(size), layers_of(round(size), shape), recipe, device)
    return Step(name, speed.seconds(tokens, settings), basis)


def _examinations(leaves: int, recipe: Recipe, runs: Sequence[Took]) -> Iterator[Step]:
    """Yield the exams and, if the recipe wants them, exams with passages, tasks and GGUF files.

    They take more time with more leaves, except the tasks, of which the new model does each once.
    """
    yield _like("exams", leaves, alike(runs, "examine", examination_by(recipe)))
    if recipe.retrieval.passages:
        yield _like("exams with passages", leaves, alike(runs, "retrieval", retrieval_by(recipe)))
    if recipe.evaluate.tasks:
        yield _like("tasks of lm-evaluation-harness", 1, alike(runs, "tasks", tasks_by(recipe)))
    if recipe.release.gguf:
        yield _like("GGUF files with their exams", leaves, alike(runs, "gguf", gguf_by(recipe)))


def _like(name: str, leaves: int, known: Sequence[Took]) -> Step:
    """Return a step that takes as long as in earlier runs, in proportion to the number of leaves."""
    if not known:
        return Step(name, None, "none of this student is in the store yet")
    return Step(name, leaves * known[0].amount / known[0].leaves * seconds_each(known), _measured(known))


def _measured(runs: Sequence[Took]) -> str:
    count = "the last run" if len(runs) == 1 else f"the last {len(runs)} runs"
    return f"measured in {count} on {runs[0].device}"
