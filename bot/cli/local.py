"""Commands of the local world and the embedded model."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.root import app

models_app = typer.Typer(help="The embedded model.", no_args_is_help=True)
local_app = typer.Typer(
    help="The local world: a GitHub, Actions and a Hub on 127.0.0.1.", no_args_is_help=True
)
app.add_typer(models_app, name="models")
app.add_typer(local_app, name="local")

DataOption = Annotated[Path, typer.Option(help="The folder that holds the local world's state.")]


@models_app.command("fetch")
def models_fetch() -> None:
    """Fetch and convert the embedded model, once; it is kept outside the repository."""
    from bot.models import fetch_embedded

    print(fetch_embedded())


@local_app.command("up")
def local_up(
    data: DataOption = Path(".arborist/local"),
    port: Annotated[int, typer.Option(help="GitHub's port; a free one if 0.")] = 0,
) -> None:
    """Serve the local world until interrupted; one JSON line on stdout says where everything is."""
    from bot.local.world import serve

    serve(data, port)


@local_app.command("env")
def local_env(data: DataOption = Path(".arborist/local")) -> None:
    """Print the environment that points the bot at a local world, for `eval "$(arborist local env)"`."""
    from bot.local.world import environment

    for name, value in environment(data).items():
        print(f"export {name}={value}")


@app.command()
def demo(
    data: DataOption = Path("demo"),
    keep: Annotated[bool, typer.Option(help="Leave the local world up at the end.")] = False,
) -> None:
    """Watch a contribution become a released model, on this machine alone."""
    from bot.local.demo.story import tell

    tell(data, keep=keep)
