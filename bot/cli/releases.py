"""Commands for maintainers: set up, look after, release."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.root import RecipeOption, RepositoryOption, app


@app.command()
def retrain(repository: RepositoryOption = Path(), recipe: RecipeOption = Path("arborist.yaml")) -> None:
    """Make the released model follow the taxonomy; do nothing where it does. Exit 1: the gate is shut."""
    from bot.github.client import configured, connect, github_errors
    from bot.github.retrain import retrain_and_tell
    from bot.github.turn import wait_for_turn
    from bot.recipe import load_recipe
    from bot.store import Store

    loaded = load_recipe(recipe)
    if configured():
        with github_errors("looking for other retrainings"):
            needless = wait_for_turn(connect())
        if needless:
            print(needless)
            return
    outcome = retrain_and_tell(repository, loaded, Store(loaded.store_url()))
    if outcome.verdict and not outcome.verdict.passed:
        raise typer.Exit(1)
    if outcome.release:
        print(outcome.release.url)


@app.command()
def init(
    model: Annotated[str, typer.Option(help="The model's repository on the Hub, as organisation/name.")],
    recipe: Annotated[str, typer.Option(help="Which of recipes/ to begin with.")] = "embedded",
    repository: RepositoryOption = Path(),
    arborist: Annotated[
        str, typer.Option(help="Arborist's public repository, as owner/name; this clone's if left out.")
    ] = "",
    commit: Annotated[
        str, typer.Option(help="The commit of arborist to use; what this clone has checked out if left out.")
    ] = "",
) -> None:
    """Set up a taxonomy's repository: recipe and workflows; on GitHub key, label, environment, protection."""
    from bot.diagnosis import show
    from bot.init import find_bot, set_up

    all_well = show(set_up(repository, find_bot(arborist, commit), model, recipe))
    print("arborist: commit and push these files; `arborist doctor` says what is missing", file=sys.stderr)
    raise typer.Exit(0 if all_well else 2)


@app.command()
def doctor(repository: RepositoryOption = Path(), recipe: RecipeOption = Path("arborist.yaml")) -> None:
    """Say what is missing before the loop can close: files, rights, runner, Hub, disk. Then exit 2."""
    from bot.diagnosis import show
    from bot.doctor import examine

    raise typer.Exit(0 if show(examine(repository, recipe)) else 2)
