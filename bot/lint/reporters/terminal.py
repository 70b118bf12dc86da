"""Findings for a terminal: the place, the line with what is meant underlined, and help."""

import unicodedata

from bot.lint.findings import Finding, Severity
from bot.lint.report import Report

WIDTH = 100


def render(report: Report) -> str:
    """Every finding, and a line that sums up; control characters are not passed to the terminal."""
    blocks = [_block(finding) for finding in report.findings]
    return "\n".join([*blocks, _summary(report)])


def _summary(report: Report) -> str:
    leaves = _count(len(report.leaves), "leaf", "leaves")
    if not report.findings:
        return f"{leaves}, nothing to mend\n"
    errors = _count(report.errors, "error", "errors")
    warnings = _count(report.count(Severity.WARNING), "warning", "warnings")
    return f"{errors}, {warnings} in {leaves}\n"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _block(finding: Finding) -> str:
    pad = " " * len(str(finding.line))
    lines = [
        f"{finding.severity}[{finding.rule}]: {_clean(finding.message)}",
        f"{pad}--> {_clean(finding.path)}:{finding.line}:{finding.column}",
    ]
    if finding.source.strip():
        source, caret = _window(finding)
        lines += [f"{pad} |", f"{finding.line} | {source}", f"{pad} | {caret}"]
    if finding.help:
        lines.append(f"{pad} = help: {_clean(finding.help)}")
    return "\n".join(lines) + "\n"


def _window(finding: Finding) -> tuple[str, str]:
    """The part of the line that fits, and the underline for it."""
    text = _clean(finding.source)
    start = min(finding.column - 1, len(text))
    end = len(text)
    if finding.end_line == finding.line and finding.end_column:
        end = min(end, finding.end_column - 1)
    first = max(0, start - WIDTH // 2) if len(text) > WIDTH else 0
    shown = text[first : first + WIDTH]
    before = _columns(shown[: start - first])
    length = max(1, _columns(shown[start - first : end - first].rstrip()))
    return shown, " " * before + "^" * length


def _columns(text: str) -> int:
    """How wide text stands in a terminal."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _clean(text: str) -> str:
    """Text of one line: a tab is one space, what cannot be printed is shown as a sign."""
    return "".join(" " if char == "\t" else char if char.isprintable() else "�" for char in text)
