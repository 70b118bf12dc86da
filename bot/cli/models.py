"""Commands for models: train, chat, compare training methods."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.root import RecipeOption, RepositoryOption, app

bench_app = typer.Typer(help="Experiments.", no_args_is_help=True)
models_app = typer.Typer(help="The embedded model.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")
app.add_typer(models_app, name="models")


@models_app.command("fetch")
def models_fetch() -> None:
    """Download and convert the embedded model, once. It is stored outside the repository."""
    from bot.inference.models import fetch_embedded

    print(fetch_embedded())


@app.command()
def train(repository: RepositoryOption = Path(), recipe: RecipeOption = Path("arborist.yaml")) -> None:
    """Train a model on the current taxonomy, without evaluating or releasing it. Prints its folder."""
    from bot.config.load import load_recipe
    from bot.core.store import Store
    from bot.pipeline.generate import generate_all
    from bot.pipeline.mix import mixtures, show_mixtures
    from bot.pipeline.train import teach_both
    from bot.taxonomy.tree import read_checkout

    loaded = load_recipe(recipe)
    leaves = read_checkout(repository, loaded.taxonomy, loaded.documents)
    store = Store(loaded.store_url())
    mixed = mixtures(generate_all(leaves, loaded, store), leaves, loaded, store)
    show_mixtures(mixed)
    print(teach_both(mixed, leaves, loaded, store)[1].model.folder)


@app.command()
def chat(
    model: Annotated[
        str,
        typer.Argument(
            help="A release tag, a folder, a GGUF file, org/name@revision, or embedded. "
            "Default: the newest release."
        ),
    ] = "",
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Chat with a model. An empty line starts a new conversation; the end of the input quits."""
    from bot.config.load import load_recipe
    from bot.inference.chat import talk
    from bot.inference.engine_llamacpp import names_gguf
    from bot.inference.models import model_folder
    from bot.pipeline.model_by_name import named_release
    from bot.release.hub import download_release
    from bot.release.hub_repository import TAG

    if names_gguf(model):
        folder, name = Path(model), model
    elif model and not TAG.fullmatch(model):
        folder, name = model_folder(model), model
    else:
        release = named_release(load_recipe(recipe).release.repository, model)
        folder, name = download_release(release), f"{release.repository} {release.tag}"
    talk(folder, name)


@bench_app.command()
def learning(
    repository: RepositoryOption = Path(),
    recipe: RecipeOption = Path("arborist.yaml"),
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds each method is run with.")] = 3,
) -> None:
    """Compare training methods: what the model learns, and what it retains of the base. Takes hours."""
    from rich.console import Console

    from bot.config.load import load_recipe
    from bot.core.progress import say
    from bot.core.store import Store
    from bot.pipeline.experiment import Result, compare, table
    from bot.taxonomy.tree import read_checkout

    loaded = load_recipe(recipe)
    leaves = read_checkout(repository, loaded.taxonomy, loaded.documents)
    results: list[Result] = []
    for result in compare(leaves, loaded, Store(loaded.store_url()), seeds):
        results.append(result)
        say(str(result))
    Console(width=100).print(table(results))
