"""The root of the command line, and what several commands share."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.core.errors import UserError
from bot.taxonomy.files import well_formed

if TYPE_CHECKING:
    from bot.config.recipe import Recipe
    from bot.taxonomy.leaf import Leaf

app = typer.Typer(
    name="arborist",
    help="A GitOps bot for language models: the released model follows the taxonomy on main.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

RepositoryOption = Annotated[Path, typer.Option(help="The checkout with the taxonomy.")]
RecipeOption = Annotated[Path, typer.Option(help="The path of the recipe.")]


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON; create missing folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(f"{json_text(value)}\n".encode())


def json_text(value: Any) -> str:
    """Return a value as indented JSON that can always be encoded as UTF-8."""
    return well_formed(json.dumps(value, indent=2, ensure_ascii=False))


def step_outputs(outputs: Mapping[str, str]) -> None:
    """Print the outputs of a workflow's step, and hand them to later steps and jobs."""
    lines = "".join(f"{name}={value}\n" for name, value in outputs.items())
    with Path(os.environ.get("GITHUB_OUTPUT") or os.devnull).open("a") as file:
        file.write(lines)
    print(lines, end="")


def event_payload() -> dict[str, Any]:
    """Return the event that started this workflow run, as GitHub describes it.

    Raises:
        UserError: this is no workflow.
    """
    path = os.environ.get("GITHUB_EVENT_PATH")
    if not path:
        raise UserError("GITHUB_EVENT_PATH is not set: this command only works in a workflow, on an event")
    event: dict[str, Any] = json.loads(Path(path).read_text())
    return event


def named_leaves(repository: Path, names: list[str] | None, recipe: "Recipe") -> "list[Leaf]":
    """Return the named leaves of a checkout, or all that can be read.

    Raises:
        UserError: a named leaf does not exist or cannot be read, or no leaf can be read.
    """
    from bot.taxonomy.tree import read_checkout, read_tree

    if not names:
        return read_checkout(repository, recipe.taxonomy, recipe.documents)
    wanted = {recipe.taxonomy.leaf(name) for name in names}
    found = read_tree(recipe.taxonomy.on_disk(repository), wanted, recipe.documents).all()
    missing = wanted - {leaf.path for leaf in found}
    if missing:
        raise UserError(f"no such leaf: {', '.join(sorted(missing))}; name it by its path below the taxonomy")
    return found
