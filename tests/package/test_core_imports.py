"""Core commands import the standard library, this package and what core dependencies bring; nothing else.

Hosted jobs install no extra. What one of these commands imports beyond that, there it does not find.
"""

import ast
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bot.cli import diff, draft, explain, pulls, retrain, samples, set_up, status, taxonomy, verify
from tests import ROOT

CORE: dict[str, Callable[..., Any]] = {
    "lint": taxonomy.lint,
    "rule": taxonomy.rule,
    "new": taxonomy.new,
    "document": taxonomy.document,
    "plan": taxonomy.plan,
    "report": pulls.report,
    "command": pulls.command,
    "reap": pulls.reap,
    "diff": diff.diff,
    "propose-draft": draft.propose_draft,
    "decide": retrain.decide,
    "publish": retrain.publish,
    "announce": retrain.announce,
    "init": set_up.init,
    "doctor": set_up.doctor,
    "explain": explain.explain,
    "forget": samples.forget,
    "status": status.status,
    "verify": verify.verify,
}
LATER = {"command": {"bot.release.hub"}}
"""What answers to single slash commands (`status`, `explain`) import when they are asked for."""
GUARD = """
import importlib, sys

allowed = set(sys.argv[1].split(",")) | set(sys.stdlib_module_names) | {"bot"}

class Guard:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in allowed or name.startswith("__editable__"):
            return None
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Guard())
for module in sys.argv[2:]:
    importlib.import_module(module)
"""


def modules_of(command: Callable[..., Any]) -> set[str]:
    """The modules that a command imports: at the top of its file, in its body and in its helpers."""
    source = Path(inspect.getsourcefile(command) or "")
    helpers = {
        one.name: one for one in ast.parse(source.read_text()).body if isinstance(one, ast.FunctionDef)
    }
    found, waiting = {command.__module__}, [command.__name__]
    while waiting:
        for node in ast.walk(helpers.pop(waiting.pop(), ast.Module([], []))):
            if isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.Name) and node.id in helpers:
                waiting.append(node.id)
    return found


def core_modules() -> Iterator[str]:
    """The top-level modules of the core dependencies and of all that these require."""
    mine = metadata.requires("arborist-bot") or []
    waiting, known = [Requirement(line) for line in mine], set[str]()
    waiting = [one for one in waiting if one.marker is None or one.marker.evaluate({"extra": ""})]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if name in known:
            continue
        known.add(name)
        for one in map(Requirement, metadata.requires(name) or []):
            if one.marker is None or any(one.marker.evaluate({"extra": e}) for e in ("", *wanted.extras)):
                waiting.append(one)
    for module, names in metadata.packages_distributions().items():
        if known & {canonicalize_name(name) for name in names}:
            yield module


def import_guarded(*modules: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Import modules where only core dependencies can be found."""
    command = [sys.executable, "-c", GUARD, ",".join(core_modules()), *sorted(modules)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


@pytest.mark.parametrize("name", CORE)
def test_a_core_command_imports_core_dependencies_only(name: str) -> None:
    modules = modules_of(CORE[name]) | LATER.get(name, set())
    assert len(modules) > 1
    done = import_guarded(*modules)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["bot.generate.filters", "rapidfuzz", "torch", "starlette"])
def test_the_guard_finds_what_is_of_an_extra(module: str) -> None:
    done = import_guarded(module)
    assert "No module named" in done.stderr
