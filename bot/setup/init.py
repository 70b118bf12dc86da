"""Set up a taxonomy's repository: the recipe, and short workflows that call arborist's workflows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.config.load import load_layout, load_prefix, load_recipe
from bot.core.diagnosis import Diagnosis
from bot.core.errors import UserError
from bot.core.package_files import shipped
from bot.core.version import commit as own_commit
from bot.core.version import git, installed_from
from bot.core.workflow_names import RETRAIN, ROLLBACK
from bot.taxonomy.layout import DEFAULT, Layout, find_layout

CALLED = ("lint", "report", "commands", "draft", "retrain", "rollback", "reap")
"""The workflows that a taxonomy's repository calls; these call the others."""
KEEP_THEIR_NAMES = tuple(name.removesuffix(".yml") for name in (RETRAIN, ROLLBACK))
"""The workflows that get no prefix."""
WRITTEN = "# Written by `arborist init`; run it again to move to another commit of arborist."
_WORKFLOWS = ".github/workflows"
FORM = ".github/ISSUE_TEMPLATE/teach.yml"
"""The form of issues with a document, of which a leaf is drafted."""
_PREFIX = re.compile(r"[a-z][a-z0-9-]{0,30}-")
_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_ORIGIN = re.compile(r"(?:https?://[^/]+/|(?:ssh://)?[^@/]+@[^:/]+[:/])([\w.-]+/[\w.-]+?)(?:\.git)?/?")


@dataclass(frozen=True)
class Bot:
    """The bot to use: its public repository, and the commit."""

    repository: str
    commit: str


@dataclass(frozen=True)
class Caller:
    """The repository that calls the bot's workflows.

    Attributes:
        branch: the default branch.
        layout: the taxonomy's place.
        prefix: the text before the names of the workflow files.
    """

    branch: str
    layout: Layout = DEFAULT
    prefix: str = ""


def find_bot(repository: str, commit: str) -> Bot:
    """Return the bot to use. The default is the repository and commit from which this package was built.

    Args:
        repository: as owner/name; empty for the default.
        commit: all 40 digits; empty for the default.

    Raises:
        UserError: an argument is malformed, or it is empty and the default is unknown.
    """
    commit = commit or own_commit()
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise UserError(
            f"--commit {commit or '(none)'}: give the commit of arborist to use, with all 40 digits"
        )
    if not repository:
        source = git("remote", "get-url", "origin") or installed_from().get("url", "")
        origin = _ORIGIN.fullmatch(source)
        repository = origin.group(1) if origin else ""
    if not _NAME.fullmatch(repository):
        raise UserError(f"--arborist {repository or '(none)'}: give arborist's repository as owner/name")
    return Bot(repository, commit)


def set_up(folder: Path, bot: Bot, model: str, recipe: str, prefix: str = "") -> Iterator[Diagnosis]:
    """Write the missing files into a checkout, and apply the missing settings on GitHub.

    The settings are applied only if GITHUB_REPOSITORY and GITHUB_TOKEN are set.

    Args:
        folder: a checkout of the taxonomy's repository.
        model: the model repository on the Hub, as organization/name.
        recipe: the name of a recipe in recipes/.
        prefix: the text before the names of the workflow files; "" for that in arborist.yaml, or none.

    Raises:
        UserError: an argument is invalid, or the repository on GitHub cannot be read.
    """
    from bot.github.client import configured, connect, github_errors
    from bot.github.repository_settings import make

    if not _NAME.fullmatch(model):
        raise UserError(f"--model {model}: give the model's repository on the Hub as organization/name")
    known = sorted(file.stem for file in shipped("recipes").glob("*.yaml"))
    if recipe not in known:
        raise UserError(f"--recipe {recipe}: unknown recipe; use one of {', '.join(known)}")
    if prefix and not _PREFIX.fullmatch(prefix):
        raise UserError(
            f"--prefix {prefix}: use lowercase letters, digits and a hyphen at the end: arborist-"
        )
    if not folder.is_dir():
        raise UserError(f"{folder}: the folder does not exist; clone the repository first")
    with github_errors("reading the repository"):
        here = connect() if configured() else None
        branch = here.default_branch if here else "main"
    path = folder / "arborist.yaml"
    yield _write_recipe(path, model, recipe, prefix)
    caller = Caller(branch, load_layout(path, folder), load_prefix(path))
    yield _begin_taxonomy(folder, caller.layout)
    for name in CALLED:
        yield _write(folder, workflow_path(name, caller.prefix), call(name, bot, caller))
    if caller.prefix:
        yield from _left_over(folder)
    yield _write_form(folder)
    if here:
        yield from make(here, load_recipe(path))
    else:
        hint = "set GITHUB_REPOSITORY, set GITHUB_TOKEN to an administrator's token, and run again"
        yield Diagnosis(
            "github",
            "unknown",
            f"settings on GitHub (key, labels, protection, environment, approval) were skipped: {hint}",
        )
    yield _publisher(path, model, here.full_name if here else "owner/name of this repository", branch)


def _publisher(recipe: Path, model: str, repository: str, branch: str) -> Diagnosis:
    from bot.release.companions import all_repositories
    from bot.release.hub_repository import HubRepository
    from bot.release.trusted_publishing import how_to_register

    try:
        repositories = all_repositories(load_recipe(recipe).release)
    except UserError:  # a recipe of the owners that only lints, or that `arborist doctor` explains
        repositories = [HubRepository(model)]
    # The Hub does not show whether it is registered; only a release shows that.
    return Diagnosis("trusted publishing", "unknown", how_to_register(repositories, repository, branch))


def _write_recipe(path: Path, model: str, recipe: str, prefix: str) -> Diagnosis:
    """Write the recipe if there is none; else write only the prefix into it."""
    if path.exists():
        text = path.read_text()
        if not prefix or load_prefix(path) == prefix:
            return Diagnosis(path.name, "ok", "exists; kept as it is")
        path.write_text(_with_setting(text, "workflows", prefix))
        return Diagnosis(path.name, "ok", f"exists; workflows: {prefix} is written into it")
    layout = find_layout(path.parent)
    text = shipped(f"recipes/{recipe}.yaml").read_text()
    # The first line may name a schema for editors, which exists only in arborist's repository.
    text = re.sub(r"^# yaml-language-server.*\n", "", text)
    text = text.replace("lab/taxonomy-model", model)
    if layout != DEFAULT:
        text = _with_setting(text, "taxonomy", layout.name)
    path.write_text(_with_setting(text, "workflows", prefix) if prefix else text)
    return Diagnosis(path.name, "ok", f"written, for {model}")


def _with_setting(text: str, name: str, value: str) -> str:
    """Return a recipe's text with a top-level setting of one word."""
    line = f"{name}: {value}"
    replaced, found = re.subn(rf"(?m)^{name}:.*$", line, text)
    return replaced if found else re.sub(r"(?m)^version:.*\n", rf"\g<0>{line}\n", text, count=1)


def _begin_taxonomy(folder: Path, layout: Layout) -> Diagnosis:
    if not layout.folder:
        there = [f"{top}/" for top in layout.tops if (folder / top).is_dir()]
        return Diagnosis("taxonomy", "ok", f"in the repository's root: {', '.join(there) or 'no folder yet'}")
    path = layout.root(folder)
    if path.is_dir():
        return Diagnosis("taxonomy", "ok", "exists")
    path.mkdir(parents=True)
    return Diagnosis("taxonomy", "ok", "created an empty folder; `arborist new` adds a first leaf")


def _write(folder: Path, path: str, text: str) -> Diagnosis:
    file = folder / path
    there = file.read_text() if file.exists() else ""
    if there == text:
        return Diagnosis(path, "ok", "is up to date")
    if there and not there.startswith(WRITTEN):
        return Diagnosis(
            path,
            "missing",
            "was not written by `arborist init`; rename it, or run again with --prefix arborist-",
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return Diagnosis(path, "ok", "updated to another commit" if there else "written")


def _write_form(folder: Path) -> Diagnosis:
    """Write the form of issues that ask for a draft, unless there is one; its text may be changed there."""
    file = folder / FORM
    if file.exists():
        return Diagnosis(FORM, "ok", "exists; kept as it is")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(shipped(FORM).read_text())
    return Diagnosis(FORM, "ok", "written: issues made from it can be drafted by `/arborist draft`")


def _left_over(folder: Path) -> Iterator[Diagnosis]:
    """Report workflow files of an earlier run without a prefix: both would run."""
    for path in (workflow_path(name, "") for name in CALLED if name not in KEEP_THEIR_NAMES):
        file = folder / path
        if file.exists() and file.read_text().startswith(WRITTEN):
            yield Diagnosis(path, "missing", "`arborist init` wrote it without a prefix before; delete it")


def workflow_path(name: str, prefix: str) -> str:
    """Return the path of one of the CALLED workflows in a repository that gives them a prefix."""
    return f"{_WORKFLOWS}/{'' if name in KEEP_THEIR_NAMES else prefix}{name}.yml"


def call(name: str, bot: Bot, caller: Caller) -> str:
    """Return a workflow file that calls one of arborist's workflows.

    It runs on the same events, and grants the permissions and secrets that the called workflow needs.

    Args:
        name: one of CALLED.
        bot: the repository and commit of the called workflow.
    """
    text = shipped(f"{_WORKFLOWS}/{name}.yml").read_text()
    data = yaml.load(text, Loader=yaml.CSafeLoader)
    events = text.partition("\non:\n")[2].partition("  workflow_call:")[0]
    events = events.replace("branches: [main]", f"branches: [{caller.branch}]")
    events = events.replace("workflows: [lint]", f"workflows: [{caller.prefix}lint]")
    files = ", ".join(f'"{folder}/**"' for folder in caller.layout.folders)
    loader = FileSystemLoader(Path(__file__).parent)
    # Jinja's autoescape is for HTML and would garble YAML.
    environment = Environment(  # noqa: S701
        loader=loader, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    return environment.get_template("workflow.yml.j2").render(
        written=WRITTEN,
        folder=_WORKFLOWS,
        name=name,
        shown=PurePosixPath(workflow_path(name, caller.prefix)).stem,
        bot=bot,
        events=events.replace('"taxonomy/**"', files),
        permissions=_permissions(text, data["jobs"]),
        # YAML 1.1 parses the key `on` as true.
        secrets=list(data[True]["workflow_call"].get("secrets", {})),
    )


def _permissions(text: str, jobs: dict[str, Any]) -> list[str]:
    """Return the permissions of all jobs, with their comments: the calling job must grant each of them."""
    granted: dict[str, str] = {}
    for job in jobs.values():
        for area, level in job["permissions"].items():
            granted[area] = "write" if "write" in (level, granted.get(area)) else level
    lines = [re.search(rf"(?m)^ *({area}: {level}.*)$", text) for area, level in granted.items()]
    return [found.group(1) for found in lines if found]
