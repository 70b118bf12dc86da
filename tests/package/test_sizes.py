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
MORE_PARAMETERS = {
    "bot/inference/engine_openai.py: __init__": "settings of the endpoint, by name only",
    "bot/train/attention.py: branches": "transformers' AttentionInterface states them",
    "localworld/actions/admission.py: __init__": "what one run's jobs share, put together in one place",
    "localworld/actions/runner.py: __init__": "what one run needs, put together in one place",
    "localworld/github/branches.py: merge_into_branch": "the fields of GitHub's request",
    "localworld/github/emit_event.py: emit_event": "the fields of an event, most of them optional",
    "localworld/github/issues.py: emit_comment_event": "the fields of an event",
    "localworld/github/merge_pull.py: merge_pull": "the fields of GitHub's request",
}
"""Functions with more than six parameters, and the reason."""


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


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the parameters of a function; those of a command are its options, which do not count."""
    if any(ast.unparse(one).endswith(".command()") for one in function.decorator_list):
        return 0
    given = function.args
    return sum(one.arg not in ("self", "cls") for one in (*given.posonlyargs, *given.args, *given.kwonlyargs))


def test_functions_take_at_most_six_parameters_without_reason() -> None:
    many = {
        f"{file.relative_to(ROOT)}: {node.name}"
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and parameters(node) > 6
    }
    assert many == set(MORE_PARAMETERS)


def test_words_to_avoid_are_avoided() -> None:
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file in PROSE
        for match in AVOIDED.finditer(file.read_text())
    ]
    assert found == []
