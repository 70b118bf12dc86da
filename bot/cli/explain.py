"""The command that explains where something comes from: a leaf, an entry of the store, or a release."""

import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.root import RecipeOption, RepositoryOption, app, json_text, named_leaves
from bot.core.errors import UserError

if TYPE_CHECKING:
    from bot.config.recipe import Recipe
    from bot.core.store import Entry, Store
    from bot.pipeline.lineage import Lineage
    from bot.pipeline.lineage_node import Node

VERSION = 1
"""The version of schemas/explain.json."""
LONGEST_LINE = 1_000
"""Maximum number of characters of a line where no terminal sets the width."""
_TAG = re.compile(r"v\d[\w.]*", re.ASCII)
_RELEASE = re.compile(rf"([\w.-]+/[\w.-]+)@({_TAG.pattern})", re.ASCII)
Manifest = Mapping[str, Any]


@app.command()
def explain(
    what: Annotated[
        str,
        typer.Argument(
            help="A leaf's path, 8 or more characters of a key, a release's tag, organization/name@tag, "
            "or the folder of a release."
        ),
    ],
    other: Annotated[
        str, typer.Argument(help="Another key or release: show what changed from the first to this one.")
    ] = "",
    repository: RepositoryOption = Path(),
    recipe: RecipeOption = Path("arborist.yaml"),
    format_: Annotated[
        str, typer.Option("--format", help="terminal, or json: as schemas/explain.json describes.")
    ] = "terminal",
) -> None:
    """Show what a leaf, a key or a release was made of; or what changed between two keys or releases."""
    if format_ not in ("terminal", "json"):
        raise UserError(f"--format {format_}: unknown format; use terminal or json")
    loaded = None if _stands_alone(what) and not recipe.exists() else _recipe(recipe)
    try:
        node = _difference(what, other, loaded) if other else _tree(what, loaded, repository)
    except (LookupError, TypeError, ValueError, AttributeError):
        raise UserError(
            f"{what}: its record was altered; if it is in the store, remove it with `arborist forget`, and "
            "run again"
        ) from None
    _print(node, as_json=format_ == "json")


def _stands_alone(what: str) -> bool:
    """Return whether a text names a release that is found without a recipe."""
    return (Path(what) / "manifest.json").is_file() or _RELEASE.fullmatch(what) is not None


def _recipe(path: Path) -> "Recipe":
    from bot.config.load import load_recipe

    return load_recipe(path)


def _lineage(loaded: "Recipe") -> "Lineage":
    from bot.core.store import Store
    from bot.pipeline.lineage import Lineage

    return Lineage(Store(loaded.store_url()))


def _tree(what: str, loaded: "Recipe | None", repository: Path) -> "Node":
    from bot.core.store_search import is_key
    from bot.pipeline.explain_entry import entry_tree

    manifest = _manifest(what, loaded)
    if manifest is not None:
        return _release_tree(manifest, loaded, repository)
    assert loaded is not None  # noqa: S101  # what is no release needs a recipe
    lineage = _lineage(loaded)
    if is_key(what):
        return entry_tree(_entry(what, lineage.store), lineage)
    return _leaf_tree(what, loaded, lineage, repository)


def _difference(what: str, other: str, loaded: "Recipe | None") -> "Node":
    from bot.core.progress import say
    from bot.core.store import StoreError
    from bot.core.store_search import is_key
    from bot.pipeline.explain_difference import entries_difference, manifests_difference

    before, after = (_manifest(text, loaded) for text in (what, other))
    lineage = _lineage(loaded) if loaded else None
    if before is not None and after is not None:
        try:
            return manifests_difference(before, after, lineage)
        except StoreError as error:
            say(f"only the manifests are compared: {error}")
            return manifests_difference(before, after, None)
    if lineage is None or before or after or not (is_key(what) and is_key(other)):
        raise UserError(f"{what} and {other} cannot be compared: give two keys, or two releases")
    return entries_difference(_entry(what, lineage.store), _entry(other, lineage.store), lineage)


def _manifest(what: str, loaded: "Recipe | None") -> "Manifest | None":
    """Return the manifest of the release that a text names; None if it names something else.

    Raises:
        UserError: there is no such release, or its manifest does not match the schema.
    """
    from bot.pipeline.explain_release import checked
    from bot.release.hub import release_at
    from bot.release.manifest import MANIFEST, read_json

    if (Path(what) / MANIFEST).is_file():
        return checked(read_json(Path(what) / MANIFEST, f"{what}/"), what)
    named = _RELEASE.fullmatch(what)
    if named:
        place, tag = named[1], named[2]
    elif loaded and _TAG.fullmatch(what):
        place, tag = loaded.release.repository, what
    else:
        return None
    release = release_at(place, tag)
    if release is None:
        raise UserError(f"{place} has no release {tag}; its page on the Hub lists the tags")
    return checked(release.manifest, what)


def _release_tree(manifest: Manifest, loaded: "Recipe | None", repository: Path) -> "Node":
    """Return the tree of a release; what the store or a clone would add is left out if it is not there."""
    from bot.core.progress import say
    from bot.core.store import StoreError
    from bot.pipeline.explain_release import NOTHING, in_the_store, release_tree
    from bot.taxonomy.layout import DEFAULT, Layout
    from bot.taxonomy.leaf_commits import leaf_commits

    known, taxonomy = NOTHING, manifest["taxonomy"]
    if loaded:
        try:
            known = in_the_store(manifest, _lineage(loaded))
        except StoreError as error:
            say(f"only the manifest is shown: {error}")
    layout = Layout.of(taxonomy.get("folder", DEFAULT.name))
    paths = [leaf["path"] for leaf in manifest["leaves"]]
    try:
        known = replace(known, commits=leaf_commits(repository, taxonomy["commit"], paths, layout))
    except UserError:
        short = taxonomy["commit"][:7]
        say(f"for the leaves' commits and pull requests, give --repository a clone that has {short}")
    return release_tree(manifest, known)


def _entry(key: str, store: "Store") -> "Entry":
    from bot.core.store_search import entry_named

    step, whole = entry_named(store, key)
    entry = store.get(step, whole)
    if entry is None:
        raise UserError(f"{step}/{whole[:12]} was removed from the store just now; run again")
    return entry


def _leaf_tree(what: str, loaded: "Recipe", lineage: "Lineage", repository: Path) -> "Node":
    from bot.pipeline.explain_leaf import leaf_tree
    from bot.release.hub import latest_release

    [leaf] = named_leaves(repository, [what], loaded)
    return leaf_tree(leaf, loaded, lineage, latest_release(loaded.release.repository))


def _print(node: "Node", *, as_json: bool) -> None:
    from rich.console import Console

    from bot.pipeline.lineage_node import tree_of

    if as_json:
        print(json_text({"version": VERSION, **node.to_json()}))
    else:
        wide = None if sys.stdout.isatty() else LONGEST_LINE
        Console(highlight=False, width=wide).print(tree_of(node))
