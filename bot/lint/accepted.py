"""Findings that are accepted: by path in arborist.yaml, by a comment in the file, or in the baseline.

A comment, which a pull request can bring along, accepts warnings and remarks only. Errors are accepted by
maintainers, in arborist.yaml or in the baseline.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile

from bot.lint.findings import Accepted, Finding, Severity
from bot.lint.leaf_view import EXAM, QNA, LeafView
from bot.taxonomy.documents import matches
from bot.taxonomy.parsed import Parsed

MOST_LINES = 50
"""How many lines at a file's beginning may hold comments on the whole file."""
_COMMENT = re.compile(r"(?:^|\s)#\s?arborist: ?ignore ([a-z0-9-]+(?:, ?[a-z0-9-]+)*)\s*$")


def by_comments(view: LeafView, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Mark the findings of a leaf that a comment `# arborist: ignore RULE` accepts.

    A comment counts for its own line, if it is alone on its line also for the next one, and in the lines
    before the file's first key for the whole file.
    """
    known: dict[str, list[str]] = {}
    for finding in findings:
        name = finding.path.rpartition("/")[2]
        if name not in known:
            known[name] = _lines({QNA: view.qna, EXAM: view.exam}.get(name))
        named = finding.severity != Severity.ERROR and finding.rule in _named(known[name], finding.line)
        yield replace(finding, accepted="comment") if named else finding


def _lines(parsed: Parsed | None) -> list[str]:
    """Return the lines of a YAML file; none if no comment in it can accept anything."""
    return parsed.text.split("\n") if parsed and "arborist:" in parsed.text else []


def _named(lines: Sequence[str], number: int) -> set[str]:
    """Return the rules that comments name for a line of a YAML file, which counts from 1."""
    heading = list(takewhile(lambda line: not line.strip() or _is_comment(line), lines[:MOST_LINES]))
    above = [line for line in lines[max(0, number - 2) : number - 1] if _is_comment(line)]
    found = map(_COMMENT.search, (*heading, *above, *lines[number - 1 : number]))
    return {rule for match in found if match for rule in re.split(", ?", match.group(1))}


def _is_comment(text: str) -> bool:
    return text.lstrip().startswith("#")


def by_path(
    findings: Iterable[Finding], ignored: Mapping[str, Sequence[str]], prefix: str
) -> Iterator[Finding]:
    """Mark the findings that arborist.yaml accepts by their path.

    Args:
        ignored: glob pattern of paths below the taxonomy's folder -> the rules that do not count there.
        prefix: the text before these paths in the findings.
    """
    for finding in findings:
        path = finding.path.removeprefix(prefix)
        named = any(finding.rule in rules and matches(path, glob) for glob, rules in ignored.items())
        yield _marked(finding, "path") if named else finding


def _marked(finding: Finding, how: Accepted) -> Finding:
    return finding if finding.accepted else replace(finding, accepted=how)
