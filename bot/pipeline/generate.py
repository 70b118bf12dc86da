"""Generation of a taxonomy's samples; the duration is recorded for later estimates."""

import time
from collections.abc import Sequence
from functools import partial

from bot.config.recipe import Recipe
from bot.core.durations import Took, record
from bot.core.progress import step
from bot.core.store import Store
from bot.generate.inputs import all_samples_inputs, samples_inputs
from bot.generate.leaf_samples import Generated
from bot.generate.leaves import check_complete, generate_leaves
from bot.inference.models import model_folder
from bot.inference.teacher import open_teacher
from bot.pipeline.training_speed import device_of, generation_by
from bot.taxonomy.leaf import Leaf
from bot.train.check_student import check_student
from bot.train.methods import chosen


@step("generating samples")
def generate(
    leaves: Sequence[Leaf], recipe: Recipe, store: Store, *, limit: int | None = None
) -> list[Generated]:
    """Return the samples of leaves; generate those that the store does not have.

    Args:
        limit: number of samples per leaf that suffices (for a preview); None for all that the recipe wants.
    """
    began = time.monotonic()
    wanted = [samples_inputs(leaf, recipe) for leaf in leaves]
    made = generate_leaves(wanted, partial(open_teacher, recipe), store, limit=limit)
    _record(made, time.monotonic() - began, recipe, store)
    return made


def generate_all(leaves: Sequence[Leaf], recipe: Recipe, store: Store) -> list[Generated]:
    """Return all samples of all leaves of a taxonomy, for a student that can be trained on them.

    Raises:
        UserError: the student cannot be trained, or the teacher did not answer all requests. Its answers so
            far are in the store.
    """
    check_student(model_folder(recipe.student.model), chosen(recipe.train))
    generated = generate(leaves, recipe, store)
    check_complete(generated)
    all_there = all_samples_inputs(recipe)
    store.put(all_there.STEP, all_there.key, {"leaves": len(leaves)})
    return generated


def _record(made: Sequence[Generated], seconds: float, recipe: Recipe, store: Store) -> None:
    """Record how long the teacher took, for the next estimate."""
    asked = [one for one in made if one.asked]
    share = [one.funnel.accepted * one.asked / (one.asked + one.reused) for one in asked]
    device = "its endpoint" if recipe.teacher.engine == "openai" else device_of(recipe)
    record(store, Took("generate", device, sum(share), seconds, len(asked), generation_by(recipe)))
