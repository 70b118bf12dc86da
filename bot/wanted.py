"""What main asks for, and whether it is released: the keys that a retraining compares first."""

from collections.abc import Sequence
from typing import Any

from bot.generate.general import dataset_revision
from bot.generate.keys import leaf_key, settings_key
from bot.models import model_revision
from bot.recipe import Recipe
from bot.release.hub import Release
from bot.store import key_of
from bot.taxonomy.leaf import Leaf
from bot.taxonomy.tree import reading_code

RELEASE_VERSION = 2


def wanted_key(leaves: Sequence[Leaf], recipe: Recipe) -> str:
    """The key of the release that main asks for; computed without a model, in milliseconds."""
    return key_of("release", RELEASE_VERSION, wanted(leaves, recipe))


def wanted(leaves: Sequence[Leaf], recipe: Recipe) -> dict[str, Any]:
    """What main asks for, as its key is made of it."""
    return {
        "leaves": {leaf.path: leaf_key(leaf, recipe) for leaf in leaves},
        "exams": {
            leaf.path: [[question.question, question.must_contain] for question in leaf.exam]
            for leaf in leaves
        },
        **_stated(recipe),
    }


def _stated(recipe: Recipe) -> dict[str, Any]:
    return {
        "student": model_revision(recipe.student.model),
        "general": dataset_revision(recipe.train.general.dataset),
        "recipe": {part: recipe.part(part) for part in ("generate", "train", "evaluate", "gate", "release")},
        "seed": recipe.seed,
    }


def settings(recipe: Recipe) -> str:
    """The key of all that a release depends on beside the taxonomy: with it and the tree, no leaf is read."""
    made_of = {"samples": settings_key(recipe), "reading": reading_code(), **_stated(recipe)}
    return key_of("settings of a release", RELEASE_VERSION, made_of)


def is_released(released: Release | None, tree: str, recipe: Recipe) -> bool:
    """Whether a release was made of this very tree by these very settings; if not, keys have to be compared.

    Args:
        tree: git's hash of the taxonomy's folder; "" where it was not read out of git.
    """
    if released is None or not tree:
        return False
    made_of = (released.manifest["taxonomy"].get("tree"), released.manifest.get("settings"))
    return made_of == (tree, settings(recipe))
