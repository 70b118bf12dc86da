"""Examination of models; the duration is recorded for later estimates."""

import time
from collections.abc import Sequence

from bot.config.recipe import Recipe
from bot.core.durations import Took, record, this_device
from bot.core.store import Store
from bot.evaluate.examine import Examination, examine
from bot.evaluate.tasks import TaskInputs, run_tasks
from bot.inference.models import Model
from bot.pipeline.training_speed import device_of, examination_by, tasks_by
from bot.taxonomy.leaf import Leaf


def examine_model(
    model: Model, leaves: Sequence[Leaf], recipe: Recipe, store: Store, near: Sequence[Leaf] = ()
) -> Examination:
    """Return a model's answers to the leaves' exams and the retention set.

    Args:
        near: the leaves whose near misses are asked, too.
    """
    began = time.monotonic()
    examined = examine(model, leaves, recipe.evaluate, store, near)
    seconds, leaves_asked = time.monotonic() - began, max(1, examined.asked_leaves)
    by = examination_by(recipe)
    record(store, Took("examine", device_of(recipe), examined.asked, seconds, leaves_asked, by))
    return examined


def run_recipe_tasks(model: Model, recipe: Recipe, store: Store) -> dict[str, TaskInputs]:
    """Run the recipe's tasks on a model; see `run_tasks`."""
    began = time.monotonic()
    results, ran = run_tasks(model, recipe.evaluate.tasks, recipe.evaluate.batch, store)
    record(store, Took("tasks", this_device(), ran, time.monotonic() - began, 1, tasks_by(recipe)))
    return results
