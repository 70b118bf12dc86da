"""Commands for models: train one, talk to one."""

import re
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.root import RecipeOption, RepositoryOption, app
from bot.errors import UserError

bench_app = typer.Typer(help="Experiments.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")


@app.command()
def train(repository: RepositoryOption = Path(), recipe: RecipeOption = Path("arborist.yaml")) -> None:
    """Train a model on the taxonomy as it is, without examining or releasing it; prints its folder."""
    from bot.mix import show_mixtures
    from bot.recipe import load_recipe
    from bot.reconcile import generate, mixtures
    from bot.reconcile import train as train_phases
    from bot.store import Store
    from bot.taxonomy.tree import load_tree

    loaded = load_recipe(recipe)
    leaves = load_tree(repository / "taxonomy", access=loaded.documents)
    store = Store(loaded.store_url())
    mixed = mixtures(generate(leaves, loaded, store), leaves, loaded, store)
    show_mixtures(mixed)
    print(train_phases(mixed, leaves, loaded, store).skills.folder())


@app.command()
def chat(
    model: Annotated[
        str,
        typer.Argument(
            help="A release's tag, a folder, org/name@revision, or embedded; the newest release if left out."
        ),
    ] = "",
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Talk to a model. Each line is what you say; an empty line begins anew, end of input ends."""
    from bot.chat import talk
    from bot.models import model_folder
    from bot.recipe import load_recipe
    from bot.release.hub import download_release, latest_release, release_at

    if model and not re.fullmatch(r"v\d+", model):
        folder, name = model_folder(model), model
    else:
        place = load_recipe(recipe).release.repository
        release = release_at(place, model) if model else latest_release(place)
        if release is None:
            raise UserError(f"{place} has no release{' ' + model if model else ''}; name a model instead")
        folder, name = download_release(release), f"{place} {release.tag}"
    talk(folder, name)


@bench_app.command()
def learning(
    repository: RepositoryOption = Path(),
    recipe: RecipeOption = Path("arborist.yaml"),
    seeds: Annotated[int, typer.Option(min=1, help="How often each way is tried.")] = 3,
) -> None:
    """Compare ways of training: what they teach, and what they keep of the base. Takes hours."""
    from rich.console import Console

    from bot.learning import Result, compare, table
    from bot.progress import say
    from bot.recipe import load_recipe
    from bot.store import Store
    from bot.taxonomy.tree import load_tree

    loaded = load_recipe(recipe)
    leaves = load_tree(repository / "taxonomy", access=loaded.documents)
    results: list[Result] = []
    for result in compare(leaves, loaded, Store(loaded.store_url()), seeds):
        results.append(result)
        say(str(result))
    Console(width=100).print(table(results))
