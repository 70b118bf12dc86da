"""Findings for the terminal: the location, the line with the mistake underlined, and help."""

import sys
import unicodedata
from collections import defaultdict
from dataclasses import replace

from bot.lint.findings import Finding, Severity
from bot.lint.report import Report, accepted_text
from bot.lint.rule_links import rule_link, rules_page

WIDTH = 100
SHOWN, PLACES = 6, 50
"""Per rule and file: how many findings are shown in full, and how many further locations are listed."""


def render(report: Report) -> str:
    """Render all findings and a summary line; control characters are replaced.

    Paths are those from the current folder, so that editors and terminals can open them.
    """
    blocks = []
    alike: defaultdict[tuple[str, str], list[Finding]] = defaultdict(list)
    for reported in report.findings:
        finding = replace(reported, path=report.path_from_here(reported))
        of_rule = alike[finding.path, finding.rule]
        of_rule.append(finding)
        if len(of_rule) <= SHOWN:
            blocks.append(_block(finding))
    blocks += [_more(findings[SHOWN:]) for findings in alike.values() if len(findings) > SHOWN]
    return "\n".join([*blocks, _summary(report)])


def _more(findings: list[Finding]) -> str:
    """Render the locations of further findings of one rule in one file."""
    first = findings[0]
    places = ", ".join(f"{finding.line}:{finding.column}" for finding in findings[:PLACES])
    rest = f" and {len(findings) - PLACES} more places" if len(findings) > PLACES else ""
    return f"{first.severity}[{first.rule}]: more of these in {_clean(first.path)}, at {places}{rest}\n"


def _summary(report: Report) -> str:
    accepted = accepted_text(report.accepted)
    return _counts(report) + (f"{accepted}\n" if accepted else "")


def _counts(report: Report) -> str:
    leaves = _count(len(report.leaves), "leaf", "leaves")
    if not report.findings:
        return f"{leaves}, nothing to fix\n"
    errors = _count(report.errors, "error", "errors")
    warnings = _count(report.count(Severity.WARNING), "warning", "warnings")
    return f"{errors}, {warnings} in {leaves}\n"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _block(finding: Finding) -> str:
    pad = " " * len(str(finding.line))
    lines = [
        f"{finding.severity}[{_linked(finding.rule)}]: {_clean(finding.message)}",
        f"{pad}--> {_clean(finding.path)}:{finding.line}:{finding.column}",
    ]
    if finding.source.strip():
        source, caret = _window(finding)
        lines += [f"{pad} |", f"{finding.line} | {source}", f"{pad} | {caret}"]
    if finding.help:
        lines.append(f"{pad} = help: {_clean(finding.help)}")
    return "\n".join(lines) + "\n"


def _linked(rule: str) -> str:
    """Return a rule's name, as a link (OSC 8) if a terminal displays it."""
    link = rule_link(rule, rules_page()) if sys.stdout.isatty() else ""
    return f"\x1b]8;;{link}\x1b\\{rule}\x1b]8;;\x1b\\" if link else rule


def _window(finding: Finding) -> tuple[str, str]:
    """Return the part of the line that fits the width, and its underline."""
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
    """Return the width of text in terminal columns."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _clean(text: str) -> str:
    """Return printable text on one line: tabs become spaces, other unprintable characters become �."""
    return "".join(" " if char == "\t" else char if char.isprintable() else "�" for char in text)
