"""Commands for the teacher's server."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.root import RecipeOption, app

teacher_app = typer.Typer(help="The teacher's server.", no_args_is_help=True)
app.add_typer(teacher_app, name="teacher")


@teacher_app.command("up")
def teacher_up(
    command: Annotated[
        list[str] | None,
        typer.Argument(help="After --: a command to run with the server. The server ends with it."),
    ] = None,
    recipe: RecipeOption = Path("arborist.yaml"),
    profile: Annotated[str, typer.Option(help="The profile. Default: as arborist.yaml says.")] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port. Default: a free one.")] = 0,
) -> None:
    """Serve the teacher by vLLM, restarted when it dies. Prints ARBORIST_TEACHER_URL once it is healthy."""
    from dataclasses import replace

    from bot.config.load import load_recipe
    from bot.inference.teacher import served_name
    from bot.inference.teacher_server import serve, teacher_server

    loaded = load_recipe(recipe)
    loaded = replace(loaded, profile=profile or loaded.profile)
    server = teacher_server(loaded, served_name(loaded), port)
    raise typer.Exit(serve(server, command or ()))
