"""The command line: parse, call, print. Whatever is heavy is imported by the command that needs it."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot import __version__
from bot.errors import UserError

if TYPE_CHECKING:
    from bot.lint import Pull
    from bot.recipe import Recipe
    from bot.taxonomy.leaf import Leaf

app = typer.Typer(
    name="arborist",
    help="A GitOps bot for language models: the taxonomy on main is what the released model knows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="The embedded model.", no_args_is_help=True)
local_app = typer.Typer(
    help="The local world: a GitHub, Actions and a Hub on 127.0.0.1.", no_args_is_help=True
)
app.add_typer(models_app, name="models")
app.add_typer(local_app, name="local")

RepositoryOption = Annotated[Path, typer.Option(help="The checkout with arborist.yaml and taxonomy/.")]
RecipeOption = Annotated[Path, typer.Option(help="The recipe.")]
DataOption = Annotated[Path, typer.Option(help="The folder that holds the local world's state.")]


def main() -> None:
    """Run a command; an error that a person can mend is one line and an exit code."""
    try:
        app()
    except UserError as error:
        print(f"arborist: {error}", file=sys.stderr)
        sys.exit(error.code)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


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
        _write_json(output, result.to_json())
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
    base: Annotated[str, typer.Option(help="The commit to merge into.")],
    repository: RepositoryOption = Path(),
    head: Annotated[str, typer.Option(help="The commit with the contribution.")] = "HEAD",
    recipe: RecipeOption = Path("arborist.yaml"),
    pull: Annotated[int, typer.Option(help="The pull request's number, for the report.")] = 1,
    output: Annotated[Path | None, typer.Option(help="Write the plan as JSON here.")] = None,
) -> None:
    """Say what merging would change: which leaves, under which keys. Needs no model and no GPU."""
    from bot.plan import make_plan
    from bot.recipe import load_recipe

    result = make_plan(repository, base, head, pull, load_recipe(recipe))
    if output:
        _write_json(output, result.to_json())
    else:
        print(json.dumps(result.to_json(), indent=2))


@app.command()
def generate(
    leaves: Annotated[list[str] | None, typer.Argument(help="Leaves by path; all if none is named.")] = None,
    repository: RepositoryOption = Path(),
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Generate the samples of leaves; what the store has is not asked for again."""
    from bot.generate import check_complete, generate_leaf
    from bot.progress import say
    from bot.recipe import load_recipe
    from bot.store import Store
    from bot.teachers import open_teacher

    loaded = load_recipe(recipe)
    store, teacher = Store(loaded.store_url()), open_teacher(loaded)
    generated = []
    for leaf in _leaves(repository, leaves, loaded):
        made = generate_leaf(leaf, loaded, store, teacher)
        generated.append(made)
        say(f"{leaf.path}: {len(made.samples)} samples of {made.funnel.candidates} candidates")
        for sample in made.samples:
            print(json.dumps(sample.to_json(), ensure_ascii=False))
    check_complete(generated)


@app.command()
def sample(
    pull: Annotated[int, typer.Option(help="The pull request's number.")],
    sha: Annotated[str, typer.Option(help="The commit that the maintainer saw.")],
    only: Annotated[str, typer.Option(help="sample, with the precheck; or precheck alone.")] = "sample",
    arguments: Annotated[str, typer.Option(help="How many samples, and which leaves.")] = "",
    repository: RepositoryOption = Path(),
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Sample a pull request, and ask today's model its questions; both go into the comment."""
    from bot.github.client import connect, github_errors
    from bot.github.sample import work_on_pull
    from bot.recipe import load_recipe
    from bot.store import Store

    if only not in ("sample", "precheck"):
        raise UserError(f"--only {only}: there are sample and precheck")
    loaded = load_recipe(recipe)
    with github_errors(f"sampling pull request {pull}"):
        store = Store(loaded.store_url())
        posted = work_on_pull(connect(), repository, pull, sha, only, arguments, loaded, store)
    print(posted.url)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="The artifact's files: lint.json and plan.json.")],
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Tell on the pull request what the lint job found, after checking what it handed over."""
    from bot.github.client import connect, github_errors
    from bot.github.report import report as tell
    from bot.recipe import load_recipe
    from bot.store import Store

    loaded = load_recipe(recipe)
    with github_errors("reporting on a pull request"):
        posted = tell(connect(), _event(), folder, loaded, Store(loaded.store_url()))
    print(posted.url if posted else "the pull request was pushed to meanwhile; the next run tells")


@app.command()
def command(recipe: RecipeOption = Path("arborist.yaml")) -> None:
    """Answer a comment's slash command, and hand over what a GPU runner has to do."""
    from bot.github.client import connect, github_errors
    from bot.github.commands import handle_comment
    from bot.recipe import load_recipe
    from bot.store import Store

    loaded = load_recipe(recipe)
    with github_errors("answering a command"):
        accepted = handle_comment(connect(), loaded, Store(loaded.store_url()), _event())
    if accepted:
        lines = "".join(f"{name}={value}\n" for name, value in accepted.outputs().items())
        with Path(os.environ.get("GITHUB_OUTPUT") or os.devnull).open("a") as file:
            file.write(lines)
        print(lines, end="")


@app.command()
def reap() -> None:
    """End what a dead runner left open on pull requests, and have reported what was not."""
    from bot.github.client import connect, github_errors
    from bot.github.reap import reap as look

    with github_errors("looking at the open pull requests"):
        print("\n".join(look(connect())) or "nothing was left open")


@app.command()
def retrain(repository: RepositoryOption = Path(), recipe: RecipeOption = Path("arborist.yaml")) -> None:
    """Make the released model follow the taxonomy; do nothing where it does. Exit 1: the gate is shut."""
    from bot.github.retrain import retrain_and_tell
    from bot.recipe import load_recipe
    from bot.store import Store

    loaded = load_recipe(recipe)
    outcome = retrain_and_tell(repository, loaded, Store(loaded.store_url()))
    if outcome.verdict and not outcome.verdict.passed:
        raise typer.Exit(1)
    if outcome.release:
        print(outcome.release.url)


@app.command()
def explain(
    key: Annotated[str, typer.Argument(help="A key, or how it begins.")],
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Say what an entry of the store was made from."""
    for entry in _entries(key, recipe):
        print(json.dumps({"step": entry.step, "key": entry.key, "inputs": entry.inputs}, indent=2))


@app.command()
def forget(
    key: Annotated[str, typer.Argument(help="A key, or how it begins.")],
    recipe: RecipeOption = Path("arborist.yaml"),
) -> None:
    """Remove an entry from the store, so that it is made again."""
    for entry in _entries(key, recipe):
        entry.store.forget(entry.step, entry.key)
        print(f"forgot {entry.step}/{entry.key}")


@app.command()
def init(
    model: Annotated[str, typer.Option(help="The model's repository on the Hub, as organisation/name.")],
    repository: RepositoryOption = Path(),
    arborist: Annotated[
        str, typer.Option(help="Arborist's public repository, as owner/name; this clone's if left out.")
    ] = "",
    commit: Annotated[
        str, typer.Option(help="The commit of arborist to use; what this clone has checked out if left out.")
    ] = "",
) -> None:
    """Set up a taxonomy's repository: recipe and workflows; on GitHub key, label, environment, protection."""
    from bot.diagnosis import show
    from bot.init import find_bot, set_up

    all_well = show(set_up(repository, find_bot(arborist, commit), model))
    print("arborist: commit and push these files; `arborist doctor` says what is missing", file=sys.stderr)
    raise typer.Exit(0 if all_well else 2)


@app.command()
def doctor(repository: RepositoryOption = Path(), recipe: RecipeOption = Path("arborist.yaml")) -> None:
    """Say what is missing before the loop can close: files, rights, runner, Hub, disk. Then exit 2."""
    from bot.diagnosis import show
    from bot.doctor import examine

    raise typer.Exit(0 if show(examine(repository, recipe)) else 2)


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


def _leaves(repository: Path, names: list[str] | None, recipe: "Recipe") -> "list[Leaf]":
    from bot.taxonomy.tree import load_tree

    found = load_tree(repository / "taxonomy", only=names or None, access=recipe.documents)
    missing = set(names or ()) - {leaf.path for leaf in found}
    if missing:
        raise UserError(f"no such leaf: {', '.join(sorted(missing))}; name it by its path below taxonomy/")
    return found


def _entries(key: str, recipe: Path) -> list[Any]:
    from bot.recipe import load_recipe
    from bot.store import Store

    found = Store(load_recipe(recipe).store_url()).find(key)
    if not found:
        raise UserError(f"no entry of the store has a key that begins with {key}")
    return found


def _event() -> dict[str, Any]:
    path = os.environ.get("GITHUB_EVENT_PATH")
    if not path:
        raise UserError("GITHUB_EVENT_PATH is not set: this command answers an event, in a workflow")
    event: dict[str, Any] = json.loads(Path(path).read_text())
    return event


def _write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
