"""Code stays small: files fit a few screens, and functions fit one."""

import ast
import re
from pathlib import Path
from statistics import median

from tests import ROOT

FILES = [file for package in ("bot", "localworld") for file in (ROOT / package).rglob("*.py")]
PROSE = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *FILES]
AVOIDED = re.compile(r"\bmend(s|ed|ing)?\b|is no number\b|the gate is shut", re.IGNORECASE)
"""Words and phrases that a reader has to decode; CONTRIBUTING.md says how to write instead."""


def lines(file: Path) -> int:
    return len(file.read_text().splitlines())


def test_files_are_short() -> None:
    assert [str(file.relative_to(ROOT)) for file in FILES if lines(file) > 350] == []
    assert median(map(lines, FILES)) <= 120


def test_functions_fit_a_screen() -> None:
    long = [
        f"{file.relative_to(ROOT)}: {node.name}"
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= 50
    ]
    assert long == []


def test_words_to_avoid_are_avoided() -> None:
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file in PROSE
        for match in AVOIDED.finditer(file.read_text())
    ]
    assert found == []
