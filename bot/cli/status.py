"""The command that shows what is under way: the state of a run, from the store."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.root import RecipeOption, app, json_text
from bot.core.errors import UserError


@app.command()
def status(
    recipe: RecipeOption = Path("arborist.yaml"),
    pull: Annotated[
        int, typer.Option(min=0, help="Show the work for this pull request instead of the retraining.")
    ] = 0,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on until the run ends. Exits with 1 if it failed or died.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON by schemas/status.json.")] = False,
) -> None:
    """Show the state of the newest retraining, or of the work for a pull request, from the store."""
    from bot.config.load import load_recipe
    from bot.core.run_status import read_status
    from bot.core.store import Store

    if watch and as_json:
        raise UserError("status: --watch and --json exclude each other; choose one")
    store = Store(load_recipe(recipe).store_url())
    if watch:
        from bot.core.watch_status import watch as watch_run

        raise typer.Exit(watch_run(store, pull))
    found = read_status(store, pull)
    if as_json:
        if found is None:
            raise UserError(f"status: no such run has written its status to {store.url}", code=1)
        print(json_text(found.to_json()))
        return
    from bot.core.watch_status import shown

    print("\n".join(shown(found, store)))
