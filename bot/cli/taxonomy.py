"""Commands for contributors: lint, rule, document, new, plan."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.root import RecipeOption, RepositoryOption, app, json_text, write_json
from bot.core.errors import UserError

if TYPE_CHECKING:
    from bot.config.recipe import Recipe
    from bot.lint import Pull
    from bot.lint.report import Report
    from bot.taxonomy.files import DiskFiles
    from bot.taxonomy.layout import Layout

LintFormatOption = Annotated[str, typer.Option("--format", help="terminal, github, json, sarif or markdown.")]
ProfileOption = Annotated[
    str, typer.Option(help="instructlab: apply the checks of InstructLab instead of arborist's rules.")
]
SchemaVersionOption = Annotated[
    int,
    typer.Option(
        help="With --profile: check all files against this schema version; 0: each against its own."
    ),
]


@app.command()
def lint(
    path: Annotated[
        str, typer.Argument(help="The taxonomy's folder in the repository. Default: as arborist.yaml says.")
    ] = "",
    repository: RepositoryOption = Path(),
    base: Annotated[str, typer.Option(help="Lint only leaves that changed since this commit.")] = "",
    head: Annotated[str, typer.Option(help="With --base: the commit that is checked out.")] = "HEAD",
    author: Annotated[str, typer.Option(help="With --base: the author of the pull request.")] = "",
    format_: LintFormatOption = "terminal",
    output: Annotated[Path | None, typer.Option(help="Also write the report as JSON to this file.")] = None,
    sarif: Annotated[Path | None, typer.Option(help="Also write the report as SARIF to this file.")] = None,
    recipe: RecipeOption = Path("arborist.yaml"),
    profile: ProfileOption = "",
    schema_version: SchemaVersionOption = 0,
    online: Annotated[
        bool, typer.Option("--online", help="Also check the repositories of documents.")
    ] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Fix mistakes that have a mechanical fix.")] = False,
) -> None:
    """Check leaves; show each mistake with its line and how to fix it. Exits with 1 if there are errors."""
    from bot.lint.reporters import REPORTERS

    if format_ not in REPORTERS:
        raise UserError(f"--format {format_}: unknown format; use one of {', '.join(REPORTERS)}")
    _check_profile(profile, whole=not (base or fix or online))
    files, layout = _files(repository, path, recipe, whole=not base)
    if profile:
        from bot.lint.profiles.instructlab import lint_as_instructlab

        result = lint_as_instructlab(files, schema_version)
    else:
        only, pull = _proposed(repository, layout, base, head, author) if base else (None, None)
        result = _lint(files, only, pull, recipe, online=online, fix=fix)
    if output:
        write_json(output, result.to_json())
    if sarif:
        sarif.parent.mkdir(parents=True, exist_ok=True)
        sarif.write_text(REPORTERS["sarif"](result))
    if format_ in ("terminal", "github") and (summary := os.environ.get("GITHUB_STEP_SUMMARY")):
        from bot.lint.reporters.markdown import summarize

        with Path(summary).open("a") as file:
            file.write(summarize(result.findings))
    print(REPORTERS[format_](result), end="")
    raise typer.Exit(1 if result.errors else 0)


def _check_profile(profile: str, *, whole: bool) -> None:
    """Raise a UserError for an unknown profile, or for options that do not go with one."""
    if profile not in ("", "instructlab"):
        raise UserError(
            f"--profile {profile}: unknown profile; use instructlab, or omit it to run arborist's own rules"
        )
    if profile and not whole:
        raise UserError(
            "--profile instructlab always checks the whole taxonomy; remove --base, --fix and --online"
        )


def _files(repository: Path, path: str, recipe: Path, *, whole: bool) -> "tuple[DiskFiles, Layout]":
    """Return the files to lint, and their place in the repository; only with `whole` may they lie outside."""
    from bot.config.load import load_layout
    from bot.lint import tree_files
    from bot.taxonomy.layout import Layout

    if not path:
        layout = load_layout(recipe, repository)
        return tree_files(layout.root(repository), layout.tops), layout
    root, folder = repository.resolve(), (repository / path).resolve()
    if not whole and not folder.is_relative_to(root):
        raise UserError(f"{path}: with --base, the taxonomy's folder must be inside {root}")
    inside = folder.relative_to(root).as_posix() if folder.is_relative_to(root) else ""
    return tree_files(repository / path), Layout.of(inside)


def _lint(
    tree: "DiskFiles", only: set[str] | None, pull: "Pull | None", recipe: Path, *, online: bool, fix: bool
) -> "Report":
    """Lint a taxonomy by arborist's own rules; with `fix`, apply mechanical fixes and lint again."""
    from bot.config.load import load_lint_recipe
    from bot.core.store import cache_folder
    from bot.lint import lint_tree
    from bot.lint.baseline import FILE, read_baseline, without_baseline
    from bot.lint.cache import open_cache
    from bot.lint.fix import fix_files

    settings = load_lint_recipe(recipe)
    baseline = read_baseline(recipe.parent / FILE)
    with open_cache(cache_folder() / "lint.sqlite", settings) as cache:
        result = lint_tree(tree, only, settings, pull, cache, online=online)
        if not fix:
            return without_baseline(result, baseline)
        fixed = fix_files(tree.root, result)
        for finding in fixed:
            where = f"{result.path_from_here(finding)}:{finding.line}:{finding.column}"
            print(f"fixed {where}: {finding.message}", file=sys.stderr)
        print(f"arborist: fixed {len(fixed)} of {len(result.findings)} findings", file=sys.stderr)
        result = lint_tree(tree, only, settings, pull, cache, online=online)
        return without_baseline(result, baseline)


def _proposed(
    repository: Path, layout: "Layout", base: str, head: str, author: str
) -> "tuple[set[str], Pull]":
    """Return the leaves that a pull request adds or changes, and its data."""
    from bot.lint import Pull
    from bot.taxonomy.changes import changed_files, changed_leaves

    root = repository.resolve()
    changes = changed_leaves(root, base, head, layout)
    return {*changes.added, *changes.changed}, Pull(author, changed_files(root, base, head))


@app.command()
def rule(name: Annotated[str, typer.Argument(help="The name of a rule. Default: all rules.")] = "") -> None:
    """Explain a lint rule: what it checks, why, and how to fix a violation."""
    from bot.lint.explain import explain, page

    print(explain(name) if name else page(), end="")


@app.command()
def document(
    leaf: Annotated[str, typer.Argument(help="The leaf's path.")],
    repository: RepositoryOption = Path(),
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Print a leaf's documents as plain text, as they are taught, and where they are cut into passages."""
    from bot.config.load import load_recipe
    from bot.generate.show_document import documents_as_taught
    from bot.taxonomy.files import shown

    loaded = load_recipe(recipe)
    for found, passages, doubts in documents_as_taught(repository, leaf, loaded):
        for number, passage in enumerate(passages, 1):
            print(f"----- {shown(found.name)}: passage {number} of {len(passages)} -----\n{passage}\n")
        for doubt in doubts:
            print(f"warning: {shown(doubt)}", file=sys.stderr)


@app.command()
def new(
    kind: Annotated[str, typer.Argument(help="knowledge or skill.")],
    path: Annotated[str, typer.Argument(help="The leaf's folder, such as science/birds/common_swift.")],
    repository: RepositoryOption = Path(),
    author: Annotated[str, typer.Option(help="Your user name on GitHub.")] = "",
) -> None:
    """Write the files of a new leaf, with comments. `lint` shows what to fill in."""
    from bot.config.load import load_layout
    from bot.taxonomy.new_leaf import new_leaf

    layout = load_layout(repository / "arborist.yaml", repository)
    for file in new_leaf(kind, layout.leaf(path), layout.root(repository), author):
        print(file)
    print("arborist: fill in the blanks; `arborist lint` shows where", file=sys.stderr)


@app.command()
def plan(
    base: Annotated[
        str, typer.Option(help="The commit to merge into. Default: estimate training instead.")
    ] = "",
    repository: RepositoryOption = Path(),
    device: Annotated[
        str, typer.Option(help="The device for training: cpu, l40s, a100, h100 or h200.")
    ] = "cpu",
    head: Annotated[str, typer.Option(help="The commit with the contribution.")] = "HEAD",
    recipe: RecipeOption = Path("arborist.yaml"),
    pull: Annotated[int, typer.Option(help="The pull request's number, for the report.")] = 1,
    base_ref: Annotated[str, typer.Option(help="The branch to merge into, for the report.")] = "main",
    output: Annotated[Path | None, typer.Option(help="Write the plan as JSON to this file.")] = None,
) -> None:
    """Show what merging would change or, without --base, estimate training. Needs no model and no GPU."""
    from bot.config.load import load_recipe
    from bot.pipeline.plan import make_plan

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

    from bot.pipeline.estimate_training import plan_training
    from bot.release.licences import licence_conflicts
    from bot.taxonomy.files import shown
    from bot.taxonomy.tree import read_checkout

    leaves = read_checkout(repository, recipe.taxonomy, recipe.documents)
    planned = plan_training(leaves, recipe, device)
    if output:
        write_json(output, planned.to_json())
    else:
        Console().print(planned.table())
        Console().print(planned.note, markup=False, highlight=False)
    for conflict in licence_conflicts(leaves, recipe):
        print(f"{'error' if conflict.refused else 'note'}: {shown(conflict.reason)}", file=sys.stderr)
