"""InstructLab's own check of a taxonomy, by its verdicts: what instructlab-schema 0.4.2 takes is taken here.

Each qna.yaml is looked at alone: it is YAML, fits the schema of its version, and yamllint finds no error.
Files beside it, and what the leaf says, are not looked at.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from itertools import chain
from pathlib import PurePosixPath
from typing import Any

import yaml

from bot.lint.findings import Finding, Severity
from bot.lint.profiles import yamllint
from bot.lint.profiles.reading import NotRead, Read, TooLarge, read
from bot.lint.report import LintedLeaf, Report
from bot.taxonomy.files import DiskFiles, Files, Unreadable, shown
from bot.taxonomy.parse import MAX_BYTES, parse
from bot.taxonomy.parsed import Place, Problem
from bot.taxonomy.schema import compiled, kind_of, schema_of, schema_problems

QNA = "qna.yaml"
FOLDERS = ("compositional_skills", "knowledge")
VERSIONS = (1, 2, 3)
MAX_FINDINGS = 20_000
"""Findings of one report; from here on one of each file is told, which is enough for its verdict."""
MAX_OF_FILE = 100
MAX_COMPARISONS = 2_000_000
"""Pairs of items of one file that are compared where only the slow validator can."""

_START = Place(1, 1, 1, 2)
_NO_VERSION = 0
_SCHEMA_RULE, _YAML_RULE, _LINT_RULE = "instructlab-schema", "instructlab-yaml", "instructlab-yamllint"


def lint_as_instructlab(files: Files, schema_version: int = 0) -> Report:
    """Look at every qna.yaml as instructlab-schema does; it would reject those that have errors here.

    Args:
        schema_version: the version that all files are held against; below 1, each is held against its own.
    """
    above = files.root.resolve().parts if isinstance(files, DiskFiles) else PurePosixPath(files.prefix).parts
    outer = next((part for part in reversed(above) if part in FOLDERS), None)
    findings: list[Finding] = []
    leaves = []
    for path in sorted(files.entries):
        if path != QNA and not path.endswith(f"/{QNA}"):
            continue
        leaf, found = _lint_file(files, path, outer, schema_version)
        leaves.append(leaf)
        findings += found[: MAX_OF_FILE if len(findings) < MAX_FINDINGS else 1]
    return Report(files.prefix.rstrip("/"), findings, leaves)


def _lint_file(
    files: Files, path: str, outer: str | None, schema_version: int
) -> tuple[LintedLeaf, list[Finding]]:
    content, data = b"", None
    try:
        content = files.read(path, MAX_BYTES)
        told = read(content)
        data = told.data
        problems = _problems_of(told, content, _folder(path, outer), schema_version)
    except Unreadable as error:
        problems = [Problem(_YAML_RULE, _START, f"the file {error}", "put a regular file in its place")]
    except NotRead as error:
        problems = [_not_read(error.__cause__, content)]
    folder = path.rpartition("/")[0]
    seeds = data.get("seed_examples") if isinstance(data, dict) else None
    count = len(seeds) if isinstance(seeds, list) else 0
    leaf = LintedLeaf(shown(folder), kind_of(folder, data), count, 0)
    if not problems:
        return leaf, []
    lines = content.decode(errors="replace").removeprefix("\ufeff").split("\n")
    problems.sort(key=lambda problem: (problem.place.line, problem.place.column))
    return leaf, [_finding(problem, f"{files.prefix}{path}", lines) for problem in problems]


def _folder(path: str, outer: str | None) -> str | None:
    """The innermost folder that says what kind of leaf this is; None if none does."""
    return next((part for part in reversed(path.split("/")) if part in FOLDERS), outer)


def _finding(problem: Problem, path: str, lines: Sequence[str]) -> Finding:
    place = problem.place
    empty = problem.rule == "yaml-empty"
    return Finding(
        path=shown(path),
        line=place.line,
        column=place.column,
        rule=_YAML_RULE if empty else problem.rule,
        severity=Severity.WARNING if empty else Severity.ERROR,
        message=problem.message,
        help=problem.help,
        end_line=place.end_line,
        end_column=place.end_column,
        source=lines[place.line - 1].rstrip("\r") if place.line <= len(lines) else "",
    )


def _not_read(cause: BaseException | None, content: bytes) -> Problem:
    """Why a file could not be read: in our parser's words where it comes to no end either."""
    own = parse(content)
    if own.root is None and own.problems:
        last = own.problems[-1]
        return Problem(_YAML_RULE, last.place, last.message, last.help)
    mark = cause.problem_mark if isinstance(cause, yaml.MarkedYAMLError) else None
    place = Place(mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2) if mark else _START
    if isinstance(cause, TooLarge):
        return Problem(_YAML_RULE, place, str(cause), "write less, or split the leaf")
    if isinstance(cause, RecursionError):
        return Problem(_YAML_RULE, place, "it is nested too deeply", "a leaf needs five levels")
    said = getattr(cause, "problem", None) or cause
    message = f"a value here is not what its form says ({str(said)[:200]})"
    return Problem(_YAML_RULE, place, message, "put text in double quotes, and indent with spaces")


def _problems_of(told: Read, content: bytes, folder: str | None, schema_version: int) -> list[Problem]:
    data = told.data
    if not data:
        return [Problem("yaml-empty", _START, "the file is empty", "write the leaf")]
    if not isinstance(data, dict):
        message = "the file must hold keys with values, such as `version: 3`"
        return [Problem(_SCHEMA_RULE, _START, message, "look at another leaf's file for the keys")]
    version = schema_version if schema_version > 0 else _version(data)
    found = []
    if version > 1:
        errors = yamllint.errors_of(told.text, told.repeated or _has_more_keys(data))
        found = [
            Problem(_LINT_RULE, error.place, f"{error.message} ({error.rule})", error.help)
            for error in errors
        ]
    if folder is None:
        folder = "knowledge" if "document" in data else "compositional_skills"
    wrong = _schema_problems(data, content, "knowledge" if folder == "knowledge" else "skill", version)
    return found + [Problem(_SCHEMA_RULE, p.place, p.message, p.help) for p in wrong]


def _version(data: dict[Any, Any]) -> int:
    """The version that a file is held against: what it says as far as int() makes a number of it, else 1."""
    said = data.get("version", 1)
    if isinstance(said, bool):
        return _NO_VERSION
    try:
        return int(said)
    except (ValueError, TypeError):
        return 1
    except OverflowError:
        return _NO_VERSION


def _schema_problems(data: dict[Any, Any], content: bytes, part: str, version: int) -> list[Problem]:
    if version not in VERSIONS:
        message = f"there is no version {version}" if version else "this is no version"
        return [Problem("", _START, message, "write version: 3")]
    if part == "knowledge" and version < 3:
        message = f"knowledge of version {version} is not taken any more"
        return [Problem("", _START, message, "write version: 3, with its keys")]
    name = f"instructlab/v{version}"
    try:
        if _is_valid(data, name, part):
            return []
    except TooLarge as error:
        return [Problem("", _START, str(error), "write less, or split the leaf")]
    # The verdict is made; what follows finds words and places for it.
    parsed = parse(content)
    found = [
        *parsed.problems,
        *(schema_problems(parsed, name, part) if isinstance(parsed.data, dict) else ()),
    ]
    if found:
        return found
    return [Problem("", _START, f"this does not fit the schema of version {version}", "compare its keys")]


def _is_valid(data: dict[Any, Any], name: str, part: str) -> bool:
    """Whether data fit a schema, as the Python validator has it, which the compiled one is asked for first.

    The two agree on what JSON can say. Only in a question with further keys may stand what it cannot.
    """
    if not _has_more_keys(data):
        with suppress(ValueError):  # a key that is no text, or half of a character: the slow one looks
            return bool(compiled(name, part).is_valid(data))
    if sum(len(items) ** 2 for items in _lists(data)) > MAX_COMPARISONS:
        raise TooLarge("it has more items than can be compared with each other")
    try:
        return bool(_slow(name, part).is_valid(data))
    except RecursionError:  # something that holds itself
        return False


@cache
def _slow(name: str, part: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema_of(name, part))


def _lists(data: dict[Any, Any]) -> Iterator[list[Any]]:
    """The lists whose items must differ."""
    document, seeds = data.get("document"), data.get("seed_examples")
    patterns = document.get("patterns") if isinstance(document, dict) else None
    more = (seed.get("questions_and_answers") for seed in _dicts(seeds))
    yield from (value for value in chain((patterns, seeds), more) if isinstance(value, list))


def _dicts(value: Any) -> Iterator[dict[Any, Any]]:
    yield from (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def _has_more_keys(data: dict[Any, Any]) -> bool:
    """Whether a question of version 3 has further keys, which may be anything."""
    for seed in _dicts(data.get("seed_examples")):
        for pair in _dicts(seed.get("questions_and_answers")):
            if len(pair) > 2:
                return True
    return False
