"""Commands for samples and the store: generate, show, forget."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.root import RecipeOption, RepositoryOption, app, named_leaves
from bot.core.errors import UserError

if TYPE_CHECKING:
    from bot.generate.leaf_samples import Generated

LeafArgument = Annotated[str, typer.Argument(help="The leaf's path, such as knowledge/science/birds.")]
FormatOption = Annotated[str, typer.Option("--format", help="terminal, or json: one sample per line.")]


@app.command()
def generate(
    leaves: Annotated[list[str] | None, typer.Argument(help="Paths of leaves. Default: all leaves.")] = None,
    repository: RepositoryOption = Path(),
    recipe: RecipeOption = Path("arborist.yaml"),
    output: Annotated[
        Path | None,
        typer.Option(help="Write the samples to this .jsonl or .parquet file. Default: JSONL to stdout."),
    ] = None,
) -> None:
    """Generate the samples of leaves. Samples that are in the store are reused."""
    from bot.config.load import load_recipe
    from bot.core.progress import say
    from bot.core.store import Store
    from bot.generate.export import json_lines, write_samples
    from bot.generate.leaves import check_complete
    from bot.pipeline.generate import generate as generate_samples

    loaded = load_recipe(recipe)
    generated = generate_samples(named_leaves(repository, leaves, loaded), loaded, Store(loaded.store_url()))
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
    number: Annotated[int, typer.Option("-n", min=1, help="How many samples to generate and show.")] = 6,
    repository: RepositoryOption = Path(),
    recipe: RecipeOption = Path("arborist.yaml"),
    format_: FormatOption = "terminal",
) -> None:
    """Generate a few samples of a leaf and show them. `generate` reuses them."""
    from bot.config.load import load_recipe
    from bot.core.store import Store
    from bot.generate.leaves import check_complete
    from bot.pipeline.generate import generate as generate_samples

    loaded = load_recipe(recipe)
    generated = generate_samples(
        named_leaves(repository, [leaf], loaded), loaded, Store(loaded.store_url()), limit=number
    )
    _show(generated[0], number, format_)
    check_complete(generated)


@app.command()
def samples(
    leaf: LeafArgument,
    number: Annotated[int, typer.Option("-n", min=0, help="How many samples to show; 0 for all.")] = 0,
    repository: RepositoryOption = Path(),
    recipe: RecipeOption = Path("arborist.yaml"),
    format_: FormatOption = "terminal",
) -> None:
    """Show the samples of a leaf in the store, and what its filters dropped. Needs no teacher."""
    from bot.config.load import load_recipe
    from bot.core.store import Store
    from bot.generate.inputs import samples_inputs
    from bot.generate.leaves import generate_leaf

    loaded = load_recipe(recipe)
    [found] = named_leaves(repository, [leaf], loaded)
    made = generate_leaf(samples_inputs(found, loaded), Store(loaded.store_url()), None)
    if not made.funnel.candidates:
        raise UserError(
            f"{leaf}: the store has no samples of its current content; run `arborist generate {leaf}`"
        )
    _show(made, number or len(made.samples), format_)


@app.command()
def forget(
    key: Annotated[str, typer.Argument(help="A key, or its first 8 characters or more.")],
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Remove one entry from the store, so that it is generated again."""
    from bot.config.load import load_recipe
    from bot.core.store import Store
    from bot.core.store_search import entries_named

    store = Store(load_recipe(recipe).store_url())
    names = entries_named(store, key)
    for name in names:
        print("/".join(name))
    if len(names) > 1:
        raise UserError(
            f"forget {key}: {len(names)} entries have this prefix, and none was removed; give more characters"
        )
    store.forget(*names[0])
    print(f"forgot {'/'.join(names[0])}")


def _show(made: "Generated", number: int, format_: str) -> None:
    from bot.generate.export import json_lines, read_aloud

    if format_ not in ("terminal", "json"):
        raise UserError(f"--format {format_}: unknown format; use terminal or json")
    if format_ == "json":
        print(json_lines([made], number), end="")
    else:
        read_aloud(made, number)


def _summary(made: "Generated") -> str:
    funnel = made.funnel
    teachers = f"{funnel.accepted} of the teacher's {funnel.candidates} candidates"
    summary = f"{made.leaf}: {len(made.samples)} samples, including {teachers}"
    return "\n  ".join([summary, *funnel.notes])
