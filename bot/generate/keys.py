"""The keys of samples. A plan needs them on a machine that has the core dependencies only."""

from typing import Any

from bot.generate.given import VERSION as GIVEN
from bot.generate.pipeline import Pipeline, pipeline_of, pipeline_versions
from bot.generate.prompting import Prompts
from bot.recipe import Recipe
from bot.store import key_of
from bot.taxonomy.leaf import Leaf
from bot.teachers import teacher_inputs

# Raised whenever what is kept of a batch changes though its pipeline does not.
VERSION = 6
# Raised whenever a leaf's samples are stored in another form; its batches stay what they are.
STORED = 1
ALL_THERE = "all-samples"
"""The step whose entry, under `settings_key`, says that all leaves of a taxonomy have their samples by it."""


def leaf_key(leaf: Leaf, recipe: Recipe) -> str:
    """The key of a leaf's samples: its content, the teacher, the prompts and the seed."""
    return key_of("samples", VERSION, leaf_inputs(leaf, recipe))


def settings_key(recipe: Recipe) -> str:
    """The key of all that the samples of leaves depend on beside the leaves themselves."""
    families = pipeline_versions(recipe.generate.pipeline)
    return key_of("settings", VERSION, {"pipelines": families, **_settings(recipe), **_amount(recipe)})


def batch_key(leaf: Leaf, recipe: Recipe, number: int) -> str:
    """The key of one batch of a leaf's samples."""
    return key_of("batch", VERSION, _inputs(leaf, recipe) | {"n": number})


def leaf_inputs(leaf: Leaf, recipe: Recipe) -> dict[str, Any]:
    """All that a leaf's samples depend on."""
    return _inputs(leaf, recipe) | _amount(recipe)


def pipeline_for(leaf: Leaf, recipe: Recipe) -> Pipeline:
    """The pipeline that the recipe asks for."""
    return pipeline_of(leaf, recipe.generate.pipeline, recipe.teacher.model)


def _inputs(leaf: Leaf, recipe: Recipe) -> dict[str, Any]:
    """What all batches of a leaf depend on, however many samples are wanted."""
    return {
        "leaf": leaf.canonical() | {"grounded": leaf.grounded},
        "pipeline": {"family": recipe.generate.pipeline, "version": pipeline_for(leaf, recipe).version},
        **_settings(recipe),
    }


def _settings(recipe: Recipe) -> dict[str, Any]:
    """What the batches of all leaves depend on."""
    return {
        "teacher": teacher_inputs(recipe),
        "prompts": Prompts(recipe.generate.prompts).fingerprint(),
        "seed": recipe.seed,
    }


def _amount(recipe: Recipe) -> dict[str, Any]:
    wanted = recipe.generate
    return {"samples": wanted.samples, "batches": wanted.batches, "given": GIVEN, "stored": STORED}
