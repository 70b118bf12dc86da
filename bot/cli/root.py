"""The command line's root and what several commands share."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.taxonomy.files import well_formed

app = typer.Typer(
    name="arborist",
    help="A GitOps bot for language models: the taxonomy on main is what the released model knows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

RepositoryOption = Annotated[Path, typer.Option(help="The checkout with arborist.yaml and taxonomy/.")]
RecipeOption = Annotated[Path, typer.Option(help="The recipe.")]


def write_json(path: Path, value: Any) -> None:
    """Write JSON for people and programs, folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(f"{json_text(value)}\n".encode())


def json_text(value: Any) -> str:
    """A value as JSON for people and programs; it is UTF-8 text whatever is in it."""
    return well_formed(json.dumps(value, indent=2, ensure_ascii=False))
