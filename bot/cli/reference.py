"""The pages of docs/ that are made from the code: `make docs` writes them, a test compares them."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from bot.cli.root import app
from bot.core.errors import UserError

PAGES = ("commands", "recipe", "rules")

SLASH = """# Commands

`make docs` makes this page from the code.

## Slash commands

A comment on a pull request gives a command if a line of it begins with `/arborist` and the command's name.
`/arborist help` lists the commands that the repository's recipe allows. `commands` in
[arborist.yaml](recipe.md) says who may use which; the third column is what Arborist's own recipes say.

A command for the GPU runner counts for the commit that the bot had reported on before the comment. To name
the commit instead, write `COMMIT`, 7 to 40 hexadecimal digits ([security.md](security.md)). `N` is a number
of samples, `LEAF` a leaf's path.

| command | what it does | for | on closed pull requests |
|---|---|---|---|
"""
SHELL = """
## Commands of the shell

`arborist COMMAND --help` prints the same. Exit codes: 0 is success, 1 means that the input has errors or that
the gate failed, 2 means wrong use or something missing in the environment.
"""


@app.command(hidden=True)
def reference(page: Annotated[str, typer.Argument(help="commands, recipe or rules.")]) -> None:
    """Print a page of the reference as Markdown."""
    from bot.config.reference import page as recipe_page
    from bot.lint.explain import page as rules_page

    if page not in PAGES:
        raise UserError(f"reference {page}: there are {', '.join(PAGES)}")
    print({"commands": commands_page, "recipe": recipe_page, "rules": rules_page}[page](), end="")


def commands_page() -> str:
    """All slash commands, and all commands of the shell, as Markdown."""
    return (
        SLASH + "".join(_slash_rows()) + SHELL + "".join(_described(typer.main.get_command(app), "arborist"))
    )


def _slash_rows() -> Iterator[str]:
    from bot.config.load import load_recipe
    from bot.core.package_files import shipped
    from bot.github.rights import who_may
    from bot.github.slash_commands import COMMANDS

    allowed = load_recipe(shipped("recipes/embedded.yaml")).commands
    for name, spec in COMMANDS.items():
        people = who_may(allowed.get(name, ()))
        closed = "yes" if spec.when_closed else "no"
        yield f"| `/arborist {name}{spec.arguments}` | {spec.doc} | {people} | {closed} |\n"


def _described(group: Any, called: str) -> Iterator[str]:
    """A section for each command of a group, those of its groups included.

    Args:
        group: typer's, as click understands it.
        called: how the group is called in a shell.
    """
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _described(command, f"{called} {name}")
        elif not command.hidden:
            rows = "".join(_parameter(one) for one in command.params if one.name != "help")
            table = f"\n| parameter | default | meaning |\n|---|---|---|\n{rows}" if rows else ""
            yield f"\n### {called} {name}\n\n{_line(command.help)}\n{table}"


def _parameter(one: Any) -> str:
    """A row for an argument or an option."""
    option = one.param_type_name == "option"
    shown = ", ".join(one.opts) if option else one.name.upper()
    flag = getattr(one, "is_flag", False)
    default = "required" if one.required else "" if flag or one.default in (None, "") else f"`{one.default}`"
    return f"| `{shown}` | {default} | {_line(one.help)} |\n"


def _line(text: str | None) -> str:
    """Help as one line of Markdown."""
    return " ".join((text or "").split()).replace("|", "\\|")
