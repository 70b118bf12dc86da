"""Commands that make the release follow the taxonomy, each a job of retrain.yml, and the rollback."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.root import RecipeOption, RepositoryOption, app, step_outputs


@app.command()
def retrain(repository: RepositoryOption = Path(), recipe: RecipeOption = Path("arborist.yaml")) -> None:
    """Train and release a model of the taxonomy unless one is released. Exits with 1 if the gate fails."""
    from bot.config.load import load_recipe
    from bot.core.store import Store
    from bot.github.reconcile import retrain_and_tell

    loaded = load_recipe(recipe)
    released, candidate = retrain_and_tell(repository, loaded, Store(loaded.store_url()))
    if candidate is not None and not candidate.verdict.passed:
        raise typer.Exit(1)
    if released:
        print(released.url)


@app.command()
def decide(repository: RepositoryOption = Path(), recipe: RecipeOption = Path("arborist.yaml")) -> None:
    """Compare the taxonomy with the newest release. Prints what is missing: a release, or an announcement."""
    from bot.config.load import load_recipe
    from bot.core.store import Store
    from bot.github.reconcile import decide as is_missing
    from bot.github.reconcile import unannounced

    loaded = load_recipe(recipe)
    missing = is_missing(repository, loaded, Store(loaded.store_url()))
    step_outputs({"train": str(missing).lower(), "announce": str(unannounced(loaded)).lower()})


@app.command()
def candidate(repository: RepositoryOption = Path(), recipe: RecipeOption = Path("arborist.yaml")) -> None:
    """Train and examine a model, and keep it in the store. Prints its key; exits with 1 if the gate fails."""
    from bot.config.load import load_recipe
    from bot.core.store import Store
    from bot.github.client import configured, connect, github_errors
    from bot.github.reconcile import train
    from bot.github.results import write_summary
    from bot.github.retrain_queue import wait_for_turn
    from bot.pipeline.candidate import reference_of

    loaded = load_recipe(recipe)
    if configured():
        with github_errors("checking for other retrainings"):
            needless = wait_for_turn(connect())
        if needless:
            print(needless)
            return
    store = Store(loaded.store_url())
    made = train(repository, loaded, store)
    if made is None:
        return
    write_summary(made)
    if not made.verdict.passed:
        raise typer.Exit(1)
    step_outputs({"candidate": reference_of(made, store)})


@app.command()
def publish(
    key: Annotated[str, typer.Argument(help="The candidate, as `arborist candidate` prints it.")],
    repository: RepositoryOption = Path(),
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Publish a candidate on the Hub, unless it is published or another release came before it."""
    from bot.config.load import load_recipe
    from bot.core.store import Store
    from bot.github.reconcile import publish as publish_and_tell

    loaded = load_recipe(recipe)
    print(publish_and_tell(repository, key, loaded, Store(loaded.store_url())).url)


@app.command()
def announce(repository: RepositoryOption = Path(), recipe: RecipeOption = Path("arborist.yaml")) -> None:
    """Report the newest release on its pull requests and as a GitHub release; again, it changes nothing."""
    from bot.config.load import load_recipe
    from bot.github.reconcile import announce_all

    announce_all(repository, load_recipe(recipe))


@app.command()
def rollback(
    tag: Annotated[str, typer.Argument(help="The release to return to, such as v2026.11.29.1.")],
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Make the main branch of the model on the Hub an earlier release again. Nothing is trained or moved."""
    from bot.config.load import load_recipe
    from bot.release.rollback import roll_back

    print(roll_back(load_recipe(recipe).release.repository, tag).url)
