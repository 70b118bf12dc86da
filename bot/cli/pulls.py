"""Commands that workflows call: what happens on a pull request."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.root import RecipeOption, RepositoryOption, app
from bot.errors import UserError


@app.command()
def work(
    pull: Annotated[int, typer.Option(help="The pull request's number.")],
    sha: Annotated[str, typer.Option(help="The commit that the maintainer saw.")],
    only: Annotated[
        str, typer.Option(help="sample, with the precheck; precheck alone; or trial.")
    ] = "sample",
    arguments: Annotated[str, typer.Option(help="How many samples, and which leaves.")] = "",
    repository: RepositoryOption = Path(),
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Do what a command asked of a GPU runner: sample a pull request, precheck it, and tell it there."""
    from bot.github.client import connect, github_errors
    from bot.github.rights import check_starter
    from bot.github.sample import work_on_pull
    from bot.github.work import COMMANDS
    from bot.recipe import load_recipe
    from bot.store import Store

    if only not in COMMANDS:
        raise UserError(f"--only {only}: there are {', '.join(COMMANDS)}")
    loaded = load_recipe(recipe)
    with github_errors(f"sampling pull request {pull}"):
        store, here = Store(loaded.store_url()), connect()
        check_starter(here, loaded, here.get_pull(pull), only)
        posted = work_on_pull(here, repository, pull, sha, only, arguments, loaded, store)
    print(posted.url)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="The artifact's files: lint.json and plan.json.")],
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Tell on the pull request what the lint job found, after checking what it handed over."""
    from bot.github.client import connect, github_errors
    from bot.github.report import report as tell
    from bot.recipe import load_recipe
    from bot.store import Store

    loaded = load_recipe(recipe)
    with github_errors("reporting on a pull request"):
        posted = tell(connect(), _event(), folder, loaded, Store(loaded.store_url()))
    print(posted.url if posted else "the pull request was changed meanwhile; the next run tells")


@app.command()
def command(recipe: RecipeOption = Path("arborist.yaml")) -> None:
    """Answer a comment's slash command, and hand over what a GPU runner has to do."""
    from bot.github.client import connect, github_errors
    from bot.github.commands import handle_comment
    from bot.recipe import load_recipe
    from bot.store import Store

    loaded = load_recipe(recipe)
    with github_errors("answering a command"):
        accepted = handle_comment(connect(), loaded, Store(loaded.store_url()), _event())
    if accepted:
        lines = "".join(f"{name}={value}\n" for name, value in accepted.outputs().items())
        with Path(os.environ.get("GITHUB_OUTPUT") or os.devnull).open("a") as file:
            file.write(lines)
        print(lines, end="")


@app.command()
def reap() -> None:
    """End what a dead runner left open on pull requests, and have reported what was not."""
    from bot.github.client import connect, github_errors
    from bot.github.reap import reap as look

    with github_errors("looking at the open pull requests"):
        print("\n".join(look(connect())) or "nothing was left open")


def _event() -> dict[str, Any]:
    path = os.environ.get("GITHUB_EVENT_PATH")
    if not path:
        raise UserError("GITHUB_EVENT_PATH is not set: this command answers an event, in a workflow")
    event: dict[str, Any] = json.loads(Path(path).read_text())
    return event
