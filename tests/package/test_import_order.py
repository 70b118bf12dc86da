"""Imports run downwards through the folders, and in no circle; the bot does not know of the local world."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests import ROOT

FOLDERS = {
    "bot": (
        *("cli", "setup", "runner", "github", "pipeline", "evaluate", "train", "generate", "release", "lint"),
        *("inference", "cluster", "config", "taxonomy", "text", "core"),
    ),
    "localworld": ("cli", "demo", "world", "actions", "seed", "release_key", "github", "hub", "tables"),
}
"""From top to bottom: a module imports from its own folder and from those to the right of it."""
SCRIPTS = "localworld/actions/stubs"
"""Run by Python alone, outside the package."""


@cache
def modules() -> dict[str, Path]:
    """Every module by its name."""
    files = [file for package in FOLDERS for file in (ROOT / package).rglob("*.py")]
    paths = {file.relative_to(ROOT).with_suffix(""): file for file in files if SCRIPTS not in str(file)}
    return {".".join(path.parts).removesuffix(".__init__"): file for path, file in paths.items()}


def imported(module: str) -> Iterator[str]:
    """The modules that a module imports, wherever in its text, for types alone too."""
    for node in ast.walk(ast.parse(modules()[module].read_text())):
        if isinstance(node, ast.ImportFrom) and node.module in modules():
            assert node.level == 0, f"{module} imports relatively"
            yield from (
                full if (full := f"{node.module}.{name.name}") in modules() else node.module or ""
                for name in node.names
            )
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in modules())


def folder(module: str) -> tuple[str, str]:
    """A module's package, and its folder or file at the top of it."""
    package, _, rest = module.partition(".")
    return package, rest.partition(".")[0]


def test_there_are_the_folders_that_are_listed_and_no_others() -> None:
    for package, listed in FOLDERS.items():
        assert {folder(name)[1] for name in modules() if folder(name)[0] == package} - {""} == set(listed)


def test_no_import_goes_in_a_circle() -> None:
    try:
        TopologicalSorter({name: set(imported(name)) - {name} for name in modules()}).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_imports_run_downwards() -> None:
    upward = [
        f"{module} imports {other}"
        for module in modules()
        for other in imported(module)
        if folder(module)[0] == folder(other)[0] and "" not in (folder(module)[1], folder(other)[1])
        if FOLDERS[folder(other)[0]].index(folder(other)[1])
        < FOLDERS[folder(module)[0]].index(folder(module)[1])
    ]
    assert upward == []


def test_the_bot_imports_nothing_of_the_local_world() -> None:
    ours = [name for name in modules() if folder(name)[0] == "bot"]
    assert [(name, other) for name in ours for other in imported(name) if folder(other)[0] != "bot"] == []
