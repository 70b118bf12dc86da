"""The data files of a release's companions, which the job that trains makes and puts into the store."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.config.recipe import Recipe
from bot.core.store import Entry, Store
from bot.pipeline.mix import Mixtures
from bot.pipeline.origin import Origin
from bot.pipeline.samples_dataset import samples_dataset
from bot.release.companions import stated_companion, wanted_companions
from bot.taxonomy.leaf import Leaf


def make_companions(
    mixed: Mixtures, leaves: Sequence[Leaf], recipe: Recipe, store: Store, origin: Origin
) -> dict[str, Entry]:
    """Return kind -> entry with the data files, for the companions that the recipe names."""
    made: dict[str, Entry] = {}
    if recipe.release.samples:
        made["samples"] = samples_dataset(mixed, leaves, recipe, store, origin)
    return made


def with_companions(
    manifest: Mapping[str, Any], companions: Mapping[str, Entry], recipe: Recipe
) -> dict[str, Any]:
    """Return a candidate's manifest with its companions; unchanged if there are none."""
    wanted = wanted_companions(recipe.release)
    stated = [stated_companion(kind, wanted[kind], entry) for kind, entry in companions.items()]
    return {**manifest, **({"companions": stated} if stated else {})}
