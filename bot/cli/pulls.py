"""Commands that the workflows run for pull requests."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.root import RecipeOption, RepositoryOption, app, event_payload, step_outputs
from bot.core.errors import UserError


@app.command()
def work(
    pull: Annotated[int, typer.Option(help="The pull request's number.")],
    sha: Annotated[str, typer.Option(help="The commit that the author of the command saw.")],
    only: Annotated[str, typer.Option(help="sample (includes precheck), precheck, or trial.")] = "sample",
    arguments: Annotated[str, typer.Option(help="The number of samples, and the leaves.")] = "",
    repository: RepositoryOption = Path(),
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Run a slash command that needs a GPU: sample, precheck or trial. Posts the result."""
    from bot.config.load import load_recipe
    from bot.core.store import Store
    from bot.github.client import connect, github_errors
    from bot.github.gpu_commands import Order, work_on_pull
    from bot.github.gpu_work import COMMANDS
    from bot.github.rights import check_starter
    from bot.github.run_shown import shown_run

    if only not in COMMANDS:
        raise UserError(f"--only {only}: unknown command; use one of {', '.join(COMMANDS)}")
    loaded = load_recipe(recipe)
    with github_errors(f"sampling pull request {pull}"):
        store, here = Store(loaded.store_url()), connect()
        check_starter(here, loaded, here.get_pull(pull), only)
        with shown_run(only, sha, loaded, store, pull):
            posted = work_on_pull(here, repository, Order(pull, sha, only, arguments), loaded, store)
    print(posted.url)


@app.command()
def report(
    folder: Annotated[
        Path, typer.Argument(help="The folder with the artifact's files lint.json and plan.json.")
    ],
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Validate the artifact of the lint job, and post the findings on the pull request."""
    from bot.config.load import load_recipe
    from bot.core.store import Store
    from bot.github.client import connect, github_errors
    from bot.github.lint_report import report as post

    loaded = load_recipe(recipe)
    with github_errors("reporting on a pull request"):
        posted = post(connect(), event_payload(), folder, loaded, Store(loaded.store_url()))
    print(posted.url if posted else "the pull request was changed meanwhile; the next run reports on it")


@app.command()
def command(recipe: RecipeOption = Path("arborist.yaml")) -> None:
    """Answer a slash command in a comment. Work for a GPU runner becomes outputs of the workflow step."""
    from bot.config.load import load_recipe
    from bot.core.store import Store
    from bot.github.client import connect, github_errors
    from bot.github.command_comment import handle_comment

    loaded = load_recipe(recipe)
    with github_errors("answering a command"):
        accepted = handle_comment(connect(), loaded, Store(loaded.store_url()), event_payload())
    # If the job fails without this output, the workflow's next step answers.
    outputs = {"answered": "true", **(accepted.outputs() if accepted else {})}
    step_outputs(outputs)


@app.command()
def reap(recipe: RecipeOption = Path("arborist.yaml")) -> None:
    """Clean up after dead runners on pull requests, and run lint again that was never reported."""
    from bot.config.load import load_prefix
    from bot.github.client import connect, github_errors
    from bot.github.reap import reap as clean_up

    prefix = load_prefix(recipe)
    with github_errors("checking the open pull requests"):
        print("\n".join(clean_up(connect(), prefix)) or "nothing was left open")
