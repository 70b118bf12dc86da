"""What several tests share lies in tests/helpers: no test module is imported, and no helper is a test."""

import ast
from pathlib import Path

import pytest

from tests import ROOT

MODULES = sorted(file for folder in ("tests", "benchmarks") for file in (ROOT / folder).rglob("*.py"))


def imported(file: Path) -> set[str]:
    """All dotted names that a module imports, wherever in its text; for `from a import b` also `a.b`."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found |= {module, *(f"{module}.{name.name}" for name in node.names)}
    return found


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_test_module_is_imported(file: Path) -> None:
    tests = {name for name in imported(file) if name.startswith("tests.")}
    assert [name for name in sorted(tests) if any(part.startswith("test_") for part in name.split("."))] == []


def test_benchmarks_import_helpers_only() -> None:
    names = {name for file in MODULES if file.is_relative_to(ROOT / "benchmarks") for name in imported(file)}
    shared = ("tests.ROOT", "tests.helpers")
    assert [name for name in sorted(names) if name.startswith("tests.") and not name.startswith(shared)] == []


def test_no_helper_is_a_test() -> None:
    helpers = [file for file in MODULES if file.is_relative_to(ROOT / "tests/helpers")]
    assert [
        file.name for file in helpers if file.name.startswith("test_") or "def test_" in file.read_text()
    ] == []
