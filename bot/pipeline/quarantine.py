"""Leaves that cannot be read: each is left out of the release, or keeps the samples of the previous one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.config.recipe import Recipe
from bot.core.progress import say
from bot.core.store import Store
from bot.generate.inputs import SamplesInputs, samples_inputs
from bot.pipeline.origin import Quarantined
from bot.release.hub import Release
from bot.taxonomy.files import NoCommit
from bot.taxonomy.leaf import Leaf
from bot.taxonomy.tree import BrokenLeaf, Tree, read_tree_at


def quarantine(
    folder: Path, tree: Tree, released: Release | None, recipe: Recipe, store: Store
) -> tuple[list[Leaf], tuple[Quarantined, ...]]:
    """Return the leaves to release, sorted by path, and the leaves that are quarantined.

    Args:
        folder: the checkout.

    Raises:
        UserError: no leaf can be read.
    """
    leaves = tree.usable()
    kept = _previous(folder, tree.broken, released, recipe, store) if tree.broken and released else {}
    found = [
        Quarantined(leaf.path, leaf.reason, kept[leaf.path][1] if leaf.path in kept else "")
        for leaf in tree.broken
    ]
    for one in found:
        outcome = f"its samples of {one.commit[:7]} stay in" if one.commit else "it is left out"
        say(f"quarantined: {one.path}: {outcome}: {one.reason}")
    earlier = [leaf for leaf, _ in kept.values()]
    return sorted([*leaves, *earlier], key=lambda leaf: leaf.path), tuple(found)


def _previous(
    folder: Path, broken: Sequence[BrokenLeaf], released: Release, recipe: Recipe, store: Store
) -> dict[str, tuple[Leaf, str]]:
    """Return the broken leaves as they were in the previous release, if the store has their samples.

    Nothing is fetched: the documents of another repository are in the samples' key by their commit.

    Returns:
        path -> the leaf, and the commit that it was read from.
    """
    manifest = released.manifest
    found: dict[str, tuple[Leaf, str]] = {}
    for commit, paths in _commits(manifest, {leaf.path for leaf in broken}).items():
        try:
            before = read_tree_at(folder, commit, paths, layout=released.layout, access=None)
        except NoCommit:
            continue  # main was rewritten, so the leaf cannot be read as it was
        found |= {leaf.path: (leaf, commit) for leaf in before.leaves}
    keys = {path: samples_inputs(leaf, recipe).key for path, (leaf, _) in found.items()}
    there = store.has(SamplesInputs.STEP, keys.values())
    return {path: one for path, one in found.items() if keys[path] in there}


def _commits(manifest: Mapping[str, Any], broken: set[str]) -> dict[str, set[str]]:
    """Return the commits from which the previous release has the broken leaves: commit -> paths.

    A leaf that was quarantined then is from a commit before.
    """
    earlier = {one["path"]: one["commit"] for one in manifest.get("quarantined", ())}
    found: dict[str, set[str]] = {}
    for path in broken & {leaf["path"] for leaf in manifest["leaves"]}:
        found.setdefault(earlier.get(path) or manifest["taxonomy"]["commit"], set()).add(path)
    return found
