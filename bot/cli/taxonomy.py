"""Commands for contributors: lint, rule, new, plan."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.root import RecipeOption, RepositoryOption, app, json_text, write_json
from bot.errors import UserError

if TYPE_CHECKING:
    from bot.lint import Pull
    from bot.recipe import Recipe


@app.command()
def lint(
    path: Annotated[str, typer.Argument(help="The taxonomy's folder in the repository.")] = "taxonomy",
    repository: RepositoryOption = Path(),
    base: Annotated[str, typer.Option(help="Lint only leaves that changed since this commit.")] = "",
    head: Annotated[str, typer.Option(help="The commit that is checked out; with --base.")] = "HEAD",
    author: Annotated[str, typer.Option(help="Who opened the pull request; with --base.")] = "",
    format_: Annotated[
        str, typer.Option("--format", help="terminal, github, json, sarif or markdown.")
    ] = "terminal",
    output: Annotated[Path | None, typer.Option(help="Also write the report as JSON here.")] = None,
    sarif: Annotated[Path | None, typer.Option(help="Also write it as SARIF here.")] = None,
    recipe: RecipeOption = Path("arborist.yaml"),
    profile: Annotated[
        str, typer.Option(help="instructlab: its check's rules and verdicts, no others.")
    ] = "",
    schema_version: Annotated[
        int,
        typer.Option(help="With --profile: hold all files against this version; 0: each against its own."),
    ] = 0,
    online: Annotated[bool, typer.Option("--online", help="Look into documents' repositories.")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what is mechanical.")] = False,
) -> None:
    """Check leaves: every mistake on its line, with how to mend it. Exit 1 if there are errors."""
    from bot.lint import lint_tree, tree_files
    from bot.lint.cache import open_cache
    from bot.lint.fix import fix_files
    from bot.lint.reporters import REPORTERS
    from bot.lint.reporters.markdown import summarize
    from bot.recipe import load_lint_recipe
    from bot.store import cache_folder

    if format_ not in REPORTERS:
        raise UserError(f"--format {format_}: there are {', '.join(REPORTERS)}")
    if profile not in ("", "instructlab"):
        raise UserError(
            f"--profile {profile}: there is instructlab; without it all of arborist's rules are run"
        )
    if profile:
        from bot.lint.profiles.instructlab import lint_as_instructlab

        if base or fix or online:
            raise UserError(
                "--profile instructlab looks at whole trees; leave --base, --fix and --online out"
            )
        result = lint_as_instructlab(tree_files(repository / path), schema_version)
    else:
        settings = load_lint_recipe(recipe)
        only, pull = _proposed(repository, path, base, head, author)
        with open_cache(cache_folder() / "lint.sqlite", settings) as cache:
            result = lint_tree(repository / path, only, settings, pull, cache, online=online)
            if fix:
                mended = fix_files(repository / path, result)
                for finding in mended:
                    where = f"{finding.path}:{finding.line}:{finding.column}"
                    print(f"mended {where}: {finding.message}", file=sys.stderr)
                print(f"arborist: mended {len(mended)} of {len(result.findings)} findings", file=sys.stderr)
                result = lint_tree(repository / path, only, settings, pull, cache, online=online)
    if output:
        write_json(output, result.to_json())
    if sarif:
        sarif.parent.mkdir(parents=True, exist_ok=True)
        sarif.write_text(REPORTERS["sarif"](result))
    if format_ in ("terminal", "github") and (summary := os.environ.get("GITHUB_STEP_SUMMARY")):
        with Path(summary).open("a") as file:
            file.write(summarize(result.findings))
    print(REPORTERS[format_](result), end="")
    raise typer.Exit(1 if result.errors else 0)


def _proposed(
    repository: Path, path: str, base: str, head: str, author: str
) -> tuple[set[str] | None, "Pull | None"]:
    """The leaves that a pull request adds or changes, and what is known of it; nothing without a base."""
    if not base:
        return None, None
    from bot.lint import Pull
    from bot.taxonomy.tree import changed_files, changed_leaves

    root, folder = repository.resolve(), (repository / path).resolve()
    if not folder.is_relative_to(root):
        raise UserError(f"{path}: with --base the taxonomy's folder is one of {root}")
    changes = changed_leaves(root, base, head, folder.relative_to(root).as_posix().removeprefix("."))
    return {*changes.added, *changes.changed}, Pull(author, changed_files(root, base, head))


@app.command()
def rule(name: Annotated[str, typer.Argument(help="A rule; all of them if left out.")] = "") -> None:
    """Say what a lint rule asks for, why, and how to mend what breaks it."""
    from bot.lint.explain import explain, page

    print(explain(name) if name else page(), end="")


@app.command()
def new(
    kind: Annotated[str, typer.Argument(help="knowledge or skill.")],
    path: Annotated[str, typer.Argument(help="The leaf's folder, such as science/birds/common_swift.")],
    repository: RepositoryOption = Path(),
    author: Annotated[str, typer.Option(help="Your name on GitHub.")] = "",
) -> None:
    """Write a new leaf with comments; lint names what is to be filled in."""
    from bot.taxonomy.new import new_leaf

    for file in new_leaf(kind, path, repository / "taxonomy", author):
        print(file)
    print("arborist: fill in what is blank; `arborist lint` names each place", file=sys.stderr)


@app.command()
def plan(
    base: Annotated[
        str, typer.Option(help="The commit to merge into; without it, training is planned.")
    ] = "",
    repository: RepositoryOption = Path(),
    device: Annotated[str, typer.Option(help="What training runs on: cpu, l40s, a100, h100, h200.")] = "cpu",
    head: Annotated[str, typer.Option(help="The commit with the contribution.")] = "HEAD",
    recipe: RecipeOption = Path("arborist.yaml"),
    pull: Annotated[int, typer.Option(help="The pull request's number, for the report.")] = 1,
    base_ref: Annotated[str, typer.Option(help="The branch to merge into, for the report.")] = "main",
    output: Annotated[Path | None, typer.Option(help="Write the plan as JSON here.")] = None,
) -> None:
    """Say what merging would change, or without --base what training would take. Needs no model, no GPU."""
    from bot.plan import make_plan
    from bot.recipe import load_recipe

    loaded = load_recipe(recipe)
    if not base:
        _plan_training(repository, loaded, device, output)
        return
    result = make_plan(repository, base, head, pull, loaded, base_ref)
    if output:
        write_json(output, result.to_json())
    else:
        print(json_text(result.to_json()))


def _plan_training(repository: Path, recipe: "Recipe", device: str, output: Path | None) -> None:
    from rich.console import Console

    from bot.estimate import plan_training
    from bot.taxonomy.tree import load_tree

    planned = plan_training(load_tree(repository / "taxonomy", access=recipe.documents), recipe, device)
    if output:
        write_json(output, planned.to_json())
    else:
        Console().print(planned.table())
