"""The keys of samples. A plan needs them on a machine that has the core dependencies only."""

from typing import Any

from bot.generate.given import VERSION as GIVEN
from bot.generate.pipeline import Pipeline, pipeline_of
from bot.generate.prompting import Prompts
from bot.recipe import Recipe
from bot.store import key_of
from bot.taxonomy.leaf import Leaf
from bot.teachers import teacher_inputs

# Raised whenever what is kept of a batch changes though its pipeline does not.
VERSION = 6
# Raised whenever a leaf's samples are stored in another form; its batches stay what they are.
STORED = 1


def leaf_key(leaf: Leaf, recipe: Recipe) -> str:
    """The key of a leaf's samples: its content, the teacher, the prompts and the seed."""
    return key_of("samples", VERSION, leaf_inputs(leaf, recipe))


def batch_key(leaf: Leaf, recipe: Recipe, number: int) -> str:
    """The key of one batch of a leaf's samples."""
    return key_of("batch", VERSION, _inputs(leaf, recipe) | {"n": number})


def leaf_inputs(leaf: Leaf, recipe: Recipe) -> dict[str, Any]:
    """All that a leaf's samples depend on."""
    wanted = recipe.generate
    amount = {"samples": wanted.samples, "batches": wanted.batches, "given": GIVEN, "stored": STORED}
    return _inputs(leaf, recipe) | amount


def pipeline_for(leaf: Leaf, recipe: Recipe) -> Pipeline:
    """The pipeline that the recipe asks for."""
    return pipeline_of(leaf, recipe.generate.pipeline, recipe.teacher.model)


def _inputs(leaf: Leaf, recipe: Recipe) -> dict[str, Any]:
    """What all batches of a leaf depend on, however many samples are wanted."""
    return {
        "leaf": leaf.canonical() | {"grounded": leaf.grounded},
        "teacher": teacher_inputs(recipe),
        "pipeline": {"family": recipe.generate.pipeline, "version": pipeline_for(leaf, recipe).version},
        "prompts": Prompts(recipe.generate.prompts).fingerprint(),
        "seed": recipe.seed,
    }
