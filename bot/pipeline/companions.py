"""The data files of a release's companions, which the job that trains makes and puts into the store."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.config.recipe import Recipe
from bot.core.store import Entry, Store
from bot.pipeline.gguf_files import REFUSED, gguf_files, no_gguf
from bot.pipeline.manifest import Made
from bot.pipeline.origin import Origin
from bot.pipeline.samples_dataset import samples_dataset
from bot.release.companions import stated_companion, wanted_companions
from bot.taxonomy.leaf import Leaf


def make_companions(
    made: Made, leaves: Sequence[Leaf], recipe: Recipe, store: Store, origin: Origin
) -> tuple[dict[str, Entry], dict[str, Any]]:
    """Make the data files of the companions that the recipe names.

    A model that the gate refused is not converted to GGUF, though it may be released later.

    Returns:
        Kind -> the entry with its data files; and what the manifest states of the GGUF files, as `gguf`.
    """
    entries: dict[str, Entry] = {}
    stated: dict[str, Any] = {}
    if recipe.release.samples:
        entries["samples"] = samples_dataset(made.mixed, leaves, recipe, store, origin)
    if recipe.release.gguf:
        model, examined = made.skills.model, made.examined.after
        passed = made.verdict.passed
        gguf = gguf_files(model, examined, leaves, recipe, store) if passed else no_gguf(recipe, REFUSED)
        stated["gguf"] = gguf.stated
        if gguf.entry:
            entries["gguf"] = gguf.entry
    return entries, stated


def with_companions(
    manifest: Mapping[str, Any], companions: Mapping[str, Entry], recipe: Recipe
) -> dict[str, Any]:
    """Return a candidate's manifest with its companions; unchanged if there are none."""
    wanted = wanted_companions(recipe.release)
    stated = [stated_companion(kind, wanted[kind], entry) for kind, entry in companions.items()]
    return {**manifest, **({"companions": stated} if stated else {})}
