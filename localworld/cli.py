"""The command line of the local world."""

from pathlib import Path
from typing import Annotated

import typer

from bot.core.errors import run_program

app = typer.Typer(
    name="localworld",
    help="Run a local GitHub with Actions and a local Hugging Face Hub on 127.0.0.1.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DataOption = Annotated[Path, typer.Option(help="Folder for the state of the local world.")]


@app.command()
def up(
    data: DataOption = Path(".arborist/local"),
    checkout: Annotated[
        Path, typer.Option(help="Git checkout whose files become the first commit of the local repository.")
    ] = Path(),
    port: Annotated[int, typer.Option(help="Port of the local GitHub; 0 chooses a free port.")] = 0,
) -> None:
    """Start a local GitHub and Hub until Ctrl-C; print their addresses and tokens as one line of JSON."""
    from localworld.world import serve

    serve(data, checkout, port)


@app.command()
def env(data: DataOption = Path(".arborist/local")) -> None:
    """Print the variables that connect the bot to a running local world, for `eval "$(localworld env)"`."""
    from localworld.world import environment

    for name, value in environment(data).items():
        print(f"export {name}={value}")


@app.command()
def demo(
    data: DataOption = Path("demo"),
    keep: Annotated[
        bool, typer.Option(help="Keep the local world running after the demo, until Ctrl-C.")
    ] = False,
) -> None:
    """Run the demo: a contribution becomes a released model, all on this machine."""
    from localworld.demo.story import run_demo

    run_demo(data, keep=keep)


def main() -> None:
    """Run the command line; print a UserError as one line and exit with its code."""
    run_program(app, "localworld")
