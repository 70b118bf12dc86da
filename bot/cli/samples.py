"""Commands for samples: make them, read them, say what they were made from."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.root import RecipeOption, RepositoryOption, app
from bot.errors import UserError

if TYPE_CHECKING:
    from bot.generate.generated import Generated
    from bot.recipe import Recipe
    from bot.store import Entry
    from bot.taxonomy.leaf import Leaf

FORGOTTEN_BY = 8
"""Characters of a key by which an entry may be removed."""
LeafArgument = Annotated[str, typer.Argument(help="The leaf's path below taxonomy/.")]
FormatOption = Annotated[str, typer.Option("--format", help="terminal, or json: a sample a line.")]


@app.command()
def generate(
    leaves: Annotated[list[str] | None, typer.Argument(help="Leaves by path; all if none is named.")] = None,
    repository: RepositoryOption = Path(),
    recipe: RecipeOption = Path("arborist.yaml"),
    output: Annotated[
        Path | None, typer.Option(help="Write the samples here: .jsonl, or .parquet. Else JSONL to stdout.")
    ] = None,
) -> None:
    """Generate the samples of leaves; what the store has is not asked for again."""
    from bot.generate.export import json_lines, write_samples
    from bot.generate.leaves import check_complete, generate_leaves
    from bot.progress import say
    from bot.recipe import load_recipe
    from bot.store import Store

    loaded = load_recipe(recipe)
    generated = generate_leaves(_leaves(repository, leaves, loaded), loaded, Store(loaded.store_url()))
    for made in generated:
        say(_summary(made))
    if output:
        write_samples(output, generated)
    else:
        print(json_lines(generated), end="")
    check_complete(generated)


@app.command()
def sample(
    leaf: LeafArgument,
    number: Annotated[int, typer.Option("-n", min=1, help="How many samples to look at.")] = 6,
    repository: RepositoryOption = Path(),
    recipe: RecipeOption = Path("arborist.yaml"),
    format_: FormatOption = "terminal",
) -> None:
    """Make a few samples of a leaf and show them; `generate` goes on from there."""
    from bot.generate.leaves import check_complete, generate_leaves
    from bot.recipe import load_recipe
    from bot.store import Store

    loaded = load_recipe(recipe)
    generated = generate_leaves(
        _leaves(repository, [leaf], loaded), loaded, Store(loaded.store_url()), limit=number
    )
    _show(generated[0], number, format_)
    check_complete(generated)


@app.command()
def samples(
    leaf: LeafArgument,
    number: Annotated[int, typer.Option("-n", min=0, help="How many to show; all if 0.")] = 0,
    repository: RepositoryOption = Path(),
    recipe: RecipeOption = Path("arborist.yaml"),
    format_: FormatOption = "terminal",
) -> None:
    """Show a leaf's samples as the store has them, and what its filters took; asks no teacher."""
    from bot.generate.leaves import generate_leaf
    from bot.recipe import load_recipe
    from bot.store import Store

    loaded = load_recipe(recipe)
    [found] = _leaves(repository, [leaf], loaded)
    made = generate_leaf(found, loaded, Store(loaded.store_url()), None)
    if not made.funnel.candidates:
        raise UserError(f"{leaf}: the store has no samples of it as it is; run `arborist generate {leaf}`")
    _show(made, number or len(made.samples), format_)


@app.command()
def explain(
    key: Annotated[str, typer.Argument(help="A key, or how it begins.")],
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Say what an entry of the store was made from."""
    for entry in _entries(key, recipe):
        print(json.dumps({"step": entry.step, "key": entry.key, "inputs": entry.inputs}, indent=2))


@app.command()
def forget(
    key: Annotated[str, typer.Argument(help="A key, or its first 8 characters or more.")],
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Remove one entry from the store, so that it is made again."""
    if len(key) < FORGOTTEN_BY:
        raise UserError(f"forget {key!r}: give at least the first {FORGOTTEN_BY} characters of a key")
    entries = _entries(key, recipe)
    for entry in entries:
        print(f"{entry.step}/{entry.key}")
    if len(entries) > 1:
        raise UserError(
            f"forget {key}: {len(entries)} entries begin so, and none is removed; give more of one key"
        )
    entries[0].store.forget(entries[0].step, entries[0].key)
    print(f"forgot {entries[0].step}/{entries[0].key}")


def _leaves(repository: Path, names: list[str] | None, recipe: "Recipe") -> "list[Leaf]":
    from bot.taxonomy.tree import load_tree

    found = load_tree(repository / "taxonomy", only=names or None, access=recipe.documents)
    missing = set(names or ()) - {leaf.path for leaf in found}
    if missing:
        raise UserError(f"no such leaf: {', '.join(sorted(missing))}; name it by its path below taxonomy/")
    return found


def _entries(key: str, recipe: Path) -> "list[Entry]":
    from bot.recipe import load_recipe
    from bot.store import Store

    if not re.fullmatch("[0-9a-f]{1,64}", key):
        raise UserError(f"{key!r} is not a key or the beginning of one: keys are of the digits 0-9 and a-f")
    found = Store(load_recipe(recipe).store_url()).find(key)
    if not found:
        raise UserError(f"no entry of the store has a key that begins with {key}")
    return found


def _show(made: "Generated", number: int, format_: str) -> None:
    from bot.generate.export import json_lines, read_aloud

    if format_ not in ("terminal", "json"):
        raise UserError(f"--format {format_}: there are terminal and json")
    if format_ == "json":
        print(json_lines([made], number), end="")
    else:
        read_aloud(made, number)


def _summary(made: "Generated") -> str:
    funnel = made.funnel
    teachers = f"{funnel.accepted} of the teacher's {funnel.candidates} candidates"
    return f"{made.leaf}: {len(made.samples)} samples, {teachers} among them"
