"""The difference between two recipes: which settings a pull request changes, and what that entails."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from bot.config.profiles import profile_of
from bot.config.recipe import RUNS_ONLY, Recipe
from bot.core.errors import UserError

SAMPLES = ("teacher", "generate", "seed", "profile")
"""Parts of the recipe that the samples of all leaves depend on."""
MODEL = (*SAMPLES, "student", "train", "evaluate", "retrieval", "gate", "release")
"""Parts of the recipe that a release depends on."""


@dataclass(frozen=True)
class RecipeChange:
    """What a pull request changes in the recipe.

    Attributes:
        changed: the settings that change, such as `train.knowledge.epochs`.
        retrains: whether a model of the new recipe is another model.
        samples: whether the samples of all leaves are generated anew.
        error: why the new recipe cannot be read; "" if it can.
    """

    changed: tuple[str, ...] = ()
    retrains: bool = False
    samples: bool = False
    error: str = ""


UNCHANGED = RecipeChange()


def compare(before: Recipe, after: Recipe) -> RecipeChange:
    """Return what changes from one recipe to another; their folders do not count."""
    old = {name: value for name, value, _ in _flat(before)}
    changed = [
        (name, runs_only)
        for name, value, runs_only in _flat(after)
        if name != "folder" and old.get(name) != value
    ]
    counting = {name.partition(".")[0] for name, runs_only in changed if not runs_only}
    if not _other_answers(before, after):
        counting.discard("profile")
    return RecipeChange(
        tuple(name for name, _ in changed),
        retrains=not counting.isdisjoint(MODEL),
        samples=not counting.isdisjoint(SAMPLES),
    )


def _other_answers(before: Recipe, after: Recipe) -> bool:
    """Return whether the profiles of two recipes differ in what may change the teacher's answers."""
    if "vllm" not in (before.teacher.engine, after.teacher.engine):
        return False
    try:
        return profile_of(before).answers() != profile_of(after).answers()
    except UserError:  # a profile that only the pull request has
        return True


def _flat(part: Any, prefix: str = "", *, runs_only: bool = False) -> Iterator[tuple[str, Any, bool]]:
    """Yield all settings: the dotted name, the value, and whether it only affects how a step runs."""
    for one in fields(part):
        value, name = getattr(part, one.name), f"{prefix}{one.name}"
        marked = runs_only or one.metadata == RUNS_ONLY
        if is_dataclass(value):
            yield from _flat(value, f"{name}.", runs_only=marked)
        else:
            yield name, value, marked
