"""The check of instructlab-schema 0.4.2: this profile accepts and rejects the same files, up to size limits.

Each qna.yaml is checked separately: it must be YAML, conform to the schema of its version, and have no
yamllint errors. Other files and the quality of the content are not checked.
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
from bot.lint.report import LintedLeaf, Report, start_of
from bot.taxonomy.files import DiskFiles, Files, Unreadable, shown
from bot.taxonomy.parse import MAX_BYTES, parse
from bot.taxonomy.parsed import Place, Problem
from bot.taxonomy.schema import compiled, kind_of, schema_of, schema_problems
from bot.text.safety import mask_secrets

QNA = "qna.yaml"
FOLDERS = ("compositional_skills", "knowledge")
VERSIONS = (1, 2, 3)
MAX_FINDINGS = 20_000
"""Number of findings from which on only one per file is reported, which is enough to reject the file."""
MAX_OF_FILE = 100
MAX_COMPARISONS = 2_000_000
"""Maximum number of item pairs in one file that the slow Python validator compares for uniqueness."""

_START = Place(1, 1, 1, 2)
_NO_VERSION = 0
_SCHEMA_RULE, _YAML_RULE, _LINT_RULE = "instructlab-schema", "instructlab-yaml", "instructlab-yamllint"


def lint_as_instructlab(files: Files, schema_version: int = 0) -> Report:
    """Check every qna.yaml as instructlab-schema does; files with errors are those that it rejects.

    Args:
        schema_version: the schema version to validate all files against; below 1, use each file's version.
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
    return Report(files.prefix.rstrip("/"), findings, leaves, folder=start_of(files))


def _lint_file(
    files: Files, path: str, outer: str | None, schema_version: int
) -> tuple[LintedLeaf, list[Finding]]:
    content, data = b"", None
    try:
        content = files.read(path, MAX_BYTES)
        result = read(content)
        data = result.data
        problems = _problems_of(result, content, _folder(path, outer), schema_version)
    except Unreadable as error:
        problems = [Problem(_YAML_RULE, _START, f"the file {error}", "replace it with a regular file")]
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
    """Return the innermost folder name that determines the leaf's kind, or None."""
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
        message=mask_secrets(problem.message),
        help=mask_secrets(problem.help),
        end_line=place.end_line,
        end_column=place.end_column,
        source=mask_secrets(lines[place.line - 1].rstrip("\r")) if place.line <= len(lines) else "",
    )


def _not_read(cause: BaseException | None, content: bytes) -> Problem:
    """Return why a file could not be read, from our own parser if it also rejects the file."""
    own = parse(content)
    if own.root is None and own.problems:
        last = own.problems[-1]
        return Problem(_YAML_RULE, last.place, last.message, last.help)
    mark = cause.problem_mark if isinstance(cause, yaml.MarkedYAMLError) else None
    place = Place(mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2) if mark else _START
    if isinstance(cause, TooLarge):
        return Problem(_YAML_RULE, place, str(cause), "shorten the file, or split the leaf")
    if isinstance(cause, RecursionError):
        return Problem(_YAML_RULE, place, "the file is nested too deeply", "a leaf needs only five levels")
    reason = getattr(cause, "problem", None) or cause
    message = f"invalid YAML value ({str(reason)[:200]})"
    return Problem(_YAML_RULE, place, message, "put text in double quotes, and indent with spaces")


def _problems_of(result: Read, content: bytes, folder: str | None, schema_version: int) -> list[Problem]:
    data = result.data
    if not data:
        return [Problem("yaml-empty", _START, "the file is empty", "add the leaf's content")]
    if not isinstance(data, dict):
        message = "the file must contain `key: value` lines, such as `version: 3`"
        return [Problem(_SCHEMA_RULE, _START, message, "see another leaf's file for the keys")]
    version = schema_version if schema_version > 0 else _version(data)
    found = []
    if version > 1:
        errors = yamllint.errors_of(result.text, result.repeated or _has_more_keys(data))
        found = [
            Problem(_LINT_RULE, error.place, f"{error.message} ({error.rule})", error.help)
            for error in errors
        ]
    if folder is None:
        folder = "knowledge" if "document" in data else "compositional_skills"
    wrong = _schema_problems(data, content, "knowledge" if folder == "knowledge" else "skill", version)
    return found + [Problem(_SCHEMA_RULE, p.place, p.message, p.help) for p in wrong]


def _version(data: dict[Any, Any]) -> int:
    """Return the schema version to validate a file against: int() of its `version`, or 1 if that fails."""
    value = data.get("version", 1)
    if isinstance(value, bool):
        return _NO_VERSION
    try:
        return int(value)
    except (ValueError, TypeError):
        return 1
    except OverflowError:
        return _NO_VERSION


def _schema_problems(data: dict[Any, Any], content: bytes, part: str, version: int) -> list[Problem]:
    if version not in VERSIONS:
        message = f"there is no version {version}" if version else "the version is not a version number"
        return [Problem("", _START, message, "write version: 3")]
    if part == "knowledge" and version < 3:
        message = f"version {version} is no longer supported for knowledge"
        return [Problem("", _START, message, "write version: 3, and use its keys")]
    name = f"instructlab/v{version}"
    try:
        if _is_valid(data, name, part):
            return []
    except TooLarge as error:
        return [Problem("", _START, str(error), "shorten the file, or split the leaf")]
    # The file is rejected; our own checks find the messages and places.
    parsed = parse(content)
    found = [
        *parsed.problems,
        *(schema_problems(parsed, name, part) if isinstance(parsed.data, dict) else ()),
    ]
    if found:
        return found
    message = f"the file does not conform to the schema of version {version}"
    return [Problem("", _START, message, "compare its keys with another leaf's file")]


def _is_valid(data: dict[Any, Any], name: str, part: str) -> bool:
    """Return whether data conform to a schema, with the result of the Python validator (jsonschema).

    The compiled validator is faster and gives the same result for JSON data. Only extra keys of a question
    can hold data that JSON cannot represent, so files with such keys go to the Python validator.
    """
    if not _has_more_keys(data):
        # ValueError: a key that is not text, or half of a surrogate pair. Use the Python validator.
        with suppress(ValueError):
            return bool(compiled(name, part).is_valid(data))
    if sum(len(items) ** 2 for items in _lists(data)) > MAX_COMPARISONS:
        raise TooLarge("the file has too many items to compare with each other")
    try:
        return bool(_slow(name, part).is_valid(data))
    except RecursionError:  # a value that contains itself
        return False


@cache
def _slow(name: str, part: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema_of(name, part))


def _lists(data: dict[Any, Any]) -> Iterator[list[Any]]:
    """Yield the lists whose items must be unique."""
    document, seeds = data.get("document"), data.get("seed_examples")
    patterns = document.get("patterns") if isinstance(document, dict) else None
    more = (seed.get("questions_and_answers") for seed in _dicts(seeds))
    yield from (value for value in chain((patterns, seeds), more) if isinstance(value, list))


def _dicts(value: Any) -> Iterator[dict[Any, Any]]:
    yield from (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def _has_more_keys(data: dict[Any, Any]) -> bool:
    """Return whether a question of version 3 has extra keys, whose values the schema does not restrict."""
    for seed in _dicts(data.get("seed_examples")):
        for pair in _dicts(seed.get("questions_and_answers")):
            if len(pair) > 2:
                return True
    return False
