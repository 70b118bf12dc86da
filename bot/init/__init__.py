"""A taxonomy's own repository: its recipe, and ten lines for each workflow of this one that it calls."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.diagnosis import Diagnosis
from bot.errors import UserError
from bot.recipe import load_recipe
from bot.shipped import shipped
from bot.version import commit as own_commit
from bot.version import git, installed_from

CALLED = ("lint", "report", "commands", "retrain", "reap")
"""The workflows that a repository calls; they call the others."""
WRITTEN = "# Written by `arborist init`; run it again to move to another commit of arborist."
_WORKFLOWS = ".github/workflows"
_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_ORIGIN = re.compile(r"(?:https?://[^/]+/|(?:ssh://)?[^@/]+@[^:/]+[:/])([\w.-]+/[\w.-]+?)(?:\.git)?/?")


@dataclass(frozen=True)
class Bot:
    """Where the bot is: a public repository, and the commit that is used of it."""

    repository: str
    commit: str


def find_bot(repository: str, commit: str) -> Bot:
    """The bot that is called: by default the commit that this package was built from, where it is from.

    Raises:
        UserError: what is not given is not known either, or what is given names no repository or commit.
    """
    commit = commit or own_commit()
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise UserError(
            f"--commit {commit or '(none)'}: give the commit of arborist to use, all 40 digits of it"
        )
    if not repository:
        source = git("remote", "get-url", "origin") or installed_from().get("url", "")
        origin = _ORIGIN.fullmatch(source)
        repository = origin.group(1) if origin else ""
    if not _NAME.fullmatch(repository):
        raise UserError(f"--arborist {repository or '(none)'}: give arborist's repository as owner/name")
    return Bot(repository, commit)


def set_up(folder: Path, bot: Bot, model: str, recipe: str) -> Iterator[Diagnosis]:
    """Write what is missing into a repository, and set what it lacks on GitHub, if the environment names it.

    Args:
        model: the model repository on the Hub, as organisation/name.
        recipe: one of those in recipes/.

    Raises:
        UserError: something given is wrong, or the repository cannot be seen.
    """
    from bot.github.client import configured, connect, github_errors
    from bot.github.settings import make

    if not _NAME.fullmatch(model):
        raise UserError(f"--model {model}: give the model's repository on the Hub as organisation/name")
    known = sorted(file.stem for file in shipped("recipes").glob("*.yaml"))
    if recipe not in known:
        raise UserError(f"--recipe {recipe}: there are {', '.join(known)}")
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; clone the repository first")
    with github_errors("looking at the repository"):
        here = connect() if configured() else None
        branch = here.default_branch if here else "main"
    yield _write_recipe(folder / "arborist.yaml", model, recipe)
    yield _begin_taxonomy(folder / "taxonomy")
    for name in CALLED:
        yield _write(folder, f"{_WORKFLOWS}/{name}.yml", call(name, bot, branch))
    if here:
        yield from make(here, load_recipe(folder / "arborist.yaml"))
    else:
        mend = "set GITHUB_REPOSITORY, and GITHUB_TOKEN to an administrator's, and run again"
        yield Diagnosis("github", "unknown", f"label, key, environment and protection are not set up: {mend}")
    yield _publisher(model, here.full_name if here else "owner/name of this one", branch)


def _publisher(model: str, repository: str, branch: str) -> Diagnosis:
    from bot.release.hub import endpoint
    from bot.release.trusted import how_to_register

    # Whether it is registered, only a release shows: the Hub tells nobody.
    return Diagnosis("trusted publishing", "unknown", how_to_register(model, repository, branch, endpoint()))


def _write_recipe(path: Path, model: str, recipe: str) -> Diagnosis:
    if path.exists():
        return Diagnosis(path.name, "ok", "is there, and left as it is")
    text = shipped(f"recipes/{recipe}.yaml").read_text()
    # A first line may point an editor at a schema that lies beside it in this repository only.
    text = re.sub(r"^# yaml-language-server.*\n", "", text)
    text = text.replace("release:\n  repository: lab/taxonomy-model", f"release:\n  repository: {model}")
    path.write_text(text)
    return Diagnosis(path.name, "ok", f"written, for {model}")


def _begin_taxonomy(path: Path) -> Diagnosis:
    if path.is_dir():
        return Diagnosis("taxonomy", "ok", "is there")
    path.mkdir()
    return Diagnosis("taxonomy", "ok", "made an empty folder; `arborist new` writes a first leaf")


def _write(folder: Path, path: str, text: str) -> Diagnosis:
    file = folder / path
    there = file.read_text() if file.exists() else ""
    if there == text:
        return Diagnosis(path, "ok", "is there")
    if there and not there.startswith(WRITTEN):
        return Diagnosis(path, "missing", "is somebody else's; move it away and run again")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return Diagnosis(path, "ok", "moved to another commit" if there else "written")


def call(name: str, bot: Bot, branch: str) -> str:
    """A workflow file that calls one of this repository's: for the same events, with what its jobs need."""
    text = shipped(f"{_WORKFLOWS}/{name}.yml").read_text()
    data = yaml.load(text, Loader=yaml.CSafeLoader)
    events = text.partition("\non:\n")[2].partition("  workflow_call:")[0]
    loader = FileSystemLoader(Path(__file__).parent)
    # What comes out is YAML, which an HTML autoescape would only garble.
    environment = Environment(  # noqa: S701
        loader=loader, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    return environment.get_template("call.yml.j2").render(
        written=WRITTEN,
        folder=_WORKFLOWS,
        name=name,
        bot=bot,
        events=events.replace("branches: [main]", f"branches: [{branch}]"),
        permissions=_permissions(text, data["jobs"]),
        # YAML 1.1 reads a bare `on` as true.
        secrets=list(data[True]["workflow_call"].get("secrets", {})),
    )


def _permissions(text: str, jobs: dict[str, Any]) -> list[str]:
    """What all jobs together may do, and why: a called workflow gets no more than the job that calls it."""
    granted: dict[str, str] = {}
    for job in jobs.values():
        for area, level in job["permissions"].items():
            granted[area] = "write" if "write" in (level, granted.get(area)) else level
    stated = [re.search(rf"(?m)^ *({area}: {level}.*)$", text) for area, level in granted.items()]
    return [found.group(1) for found in stated if found]
