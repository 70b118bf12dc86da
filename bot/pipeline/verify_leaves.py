"""Verification of a release's leaves: each must be in the taxonomy at the manifest's commit, unchanged."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from bot.config.load import load_recipe, parse_recipe
from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.core.version import version
from bot.generate.inputs import samples_inputs
from bot.release.trust import names
from bot.release.verify import Check
from bot.taxonomy.changes import tree_id
from bot.taxonomy.files import GitFiles, NoCommit, Unreadable, resolve, shown
from bot.taxonomy.layout import DEFAULT, Layout
from bot.taxonomy.tree import read_tree_at

RECIPE = "arborist.yaml"
LARGEST = 10_000_000
"""Maximum size in bytes of the recipe and of each file that it names."""


def verify_leaves(checkout: Path, manifest: Mapping[str, Any]) -> Check:
    """Check that a release has the leaves of the taxonomy at its commit, with their content.

    The key of each leaf's samples is computed again from the commit: from the leaf, and from the recipe, the
    prompts and the profiles there. The teacher's revision is the manifest's, so nothing is fetched.

    Args:
        checkout: a clone of the taxonomy's repository.
        manifest: a manifest that matches its schema.

    Raises:
        UserError: the checkout is not a Git repository, or the commit's recipe cannot be read.
    """
    commit = manifest["taxonomy"]["commit"]
    try:
        wrong = _problem(checkout, manifest)
    except NoCommit as error:
        wrong = f"{error}; fetch it, or name a clone of the taxonomy's repository"
    if wrong:
        return Check("leaves", False, wrong)
    many = "1 leaf is" if len(manifest["leaves"]) == 1 else f"{len(manifest['leaves'])} leaves are"
    return Check("leaves", True, f"{many} as in {checkout} at {commit[:7]}")


def _problem(checkout: Path, manifest: Mapping[str, Any]) -> str:
    """Return how the leaves differ from the taxonomy's, in one line; "" if they do not."""
    commit, layout = resolve(checkout, manifest["taxonomy"]["commit"]), _layout(manifest)
    tree = manifest["taxonomy"].get("tree")
    if tree and tree != tree_id(checkout, commit, layout):
        folder = shown(layout.name)
        return f"the folder {folder} at {commit[:7]} does not have the hash in the manifest (taxonomy.tree)"
    stated = {leaf["path"]: leaf["key"] for leaf in manifest["leaves"]}
    if len(stated) < len(manifest["leaves"]):
        return "the manifest names a leaf twice"
    with TemporaryDirectory() as scratch:
        recipe = _recipe_at(checkout, commit, Path(scratch))
        found = _keys(checkout, commit, manifest, recipe)
    lost = [path for path in stated if path not in found]
    changed = [path for path in stated if path in found and found[path] != stated[path]]
    left_out = found.keys() - stated.keys() - {one["path"] for one in manifest["quarantined"]}
    problems = {"not in the taxonomy": lost, "with other content": changed, "not in the release": left_out}
    text = "; ".join(f"{kind}: {names(those)}" for kind, those in problems.items() if those)
    maker, here = manifest["tools"]["arborist"], version()
    if changed and maker != here:
        text += f" (or by another arborist: this is {here}; verify with {shown(maker)}, which released)"
    return f"at {commit[:7]}, {text}" if text else ""


def _layout(manifest: Mapping[str, Any]) -> Layout:
    return Layout.of(manifest["taxonomy"].get("folder", DEFAULT.name))


def _keys(checkout: Path, commit: str, manifest: Mapping[str, Any], recipe: Recipe) -> dict[str, str]:
    """Return leaf -> key of its samples, of a commit; quarantined leaves are read from their own commit."""
    layout = _layout(manifest)
    leaves = {leaf.path: leaf for leaf in read_tree_at(checkout, commit, layout=layout, access=None).leaves}
    for one in manifest["quarantined"]:
        if one["commit"]:
            earlier = read_tree_at(checkout, one["commit"], [one["path"]], layout=layout, access=None)
            leaves |= {leaf.path: leaf for leaf in earlier.leaves}
    return {path: samples_inputs(leaf, recipe, manifest["teacher"]).key for path, leaf in leaves.items()}


def _recipe_at(checkout: Path, commit: str, target: Path) -> Recipe:
    """Return the recipe of a commit; it and the files that it names are written into a folder.

    Raises:
        UserError: the recipe or a file that it names cannot be read.
    """
    with GitFiles(checkout, commit, "", [RECIPE]) as files:
        try:
            text = files.read(RECIPE, LARGEST)
        except Unreadable as error:
            raise UserError(f"{checkout}: {RECIPE} at {commit[:7]} {error}; it must be at the root") from None
    prompts = parse_recipe(text, Path(RECIPE)).generate.prompts
    wanted = [RECIPE, "runners", *([PurePosixPath(prompts).as_posix()] if prompts else [])]
    with GitFiles(checkout, commit, "", wanted) as files:
        for path, entry in files.entries.items():
            if entry.kind == "file" and ".." not in PurePosixPath(path).parts:
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                (target / path).write_bytes(files.read(path, LARGEST))
    return load_recipe(target / RECIPE)
