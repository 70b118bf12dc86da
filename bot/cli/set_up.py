"""Commands for maintainers: set up a repository, adopt a taxonomy, check what is missing."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.root import RepositoryOption, app


@app.command()
def init(
    model: Annotated[str, typer.Option(help="The model's repository on the Hub, as organization/name.")],
    recipe: Annotated[str, typer.Option(help="The recipe in recipes/ to start with.")] = "embedded",
    repository: RepositoryOption = Path(),
    arborist: Annotated[
        str, typer.Option(help="Arborist's public repository, as owner/name. Default: this clone's.")
    ] = "",
    commit: Annotated[str, typer.Option(help="The commit of arborist to use. Default: this clone's.")] = "",
    prefix: Annotated[
        str, typer.Option(help="Put this before the names of the workflow files, such as arborist-.")
    ] = "",
) -> None:
    """Set up a taxonomy's repository: write the recipe and the workflows, apply the settings on GitHub."""
    from bot.core.diagnosis import show
    from bot.setup.init import find_bot, set_up

    all_well = show(set_up(repository, find_bot(arborist, commit), model, recipe, prefix))
    print("arborist: commit and push these files; `arborist doctor` shows what is missing", file=sys.stderr)
    raise typer.Exit(0 if all_well else 2)


@app.command()
def adopt(
    repository: RepositoryOption = Path(),
    recipe: Annotated[
        Path | None, typer.Option(help="The path of the recipe. Default: the repository's arborist.yaml.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Make the changes that need no decision, and write the baseline.")
    ] = False,
    commit: Annotated[
        bool, typer.Option("--commit", help="Like --write, with a commit for each kind of change.")
    ] = False,
    exams: Annotated[
        bool, typer.Option("--exams", help="Also draft exams for knowledge leaves; fetches their documents.")
    ] = False,
) -> None:
    """Report what an existing taxonomy needs to be adopted; --write makes the mechanical changes."""
    from bot.core.diagnosis import show
    from bot.setup.adopt import Wanted
    from bot.setup.adopt import adopt as adopt_tree

    wanted = Wanted(write=write or commit, commit=commit, exams=exams)
    found = adopt_tree(repository, recipe or repository / "arborist.yaml", wanted)
    raise typer.Exit(0 if show(found) else 2)


@app.command()
def doctor(
    repository: RepositoryOption = Path(),
    recipe: Annotated[
        Path | None, typer.Option(help="The path of the recipe. Default: the repository's arborist.yaml.")
    ] = None,
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Instead, say which profile suits this machine, and what fits.")
    ] = False,
) -> None:
    """Check files, settings on GitHub, runner, store, Hub and disk. Exits with 2 if something is missing."""
    from bot.core.diagnosis import show

    path = recipe or repository / "arborist.yaml"
    if suggest:
        from bot.config.load import load_recipe
        from bot.setup.suggest import suggest as suggestions

        raise typer.Exit(0 if show(suggestions(load_recipe(path))) else 2)
    from bot.setup.doctor import check

    raise typer.Exit(0 if show(check(repository, path)) else 2)
