"""Findings as workflow commands, which GitHub turns into annotations."""

from bot.lint.findings import Finding
from bot.lint.report import Report

_COMMAND = {"error": "error", "warning": "warning", "info": "notice"}


def render(report: Report) -> str:
    """One line for each finding; nothing in it can begin a command of its own."""
    return "".join(f"{_annotation(finding)}\n" for finding in report.findings)


def _annotation(finding: Finding) -> str:
    values = {
        "file": finding.path,
        "line": finding.line,
        "col": finding.column,
        "endLine": finding.end_line or finding.line,
        "title": finding.rule,
    }
    properties = ",".join(f"{name}={_property(str(value))}" for name, value in values.items())
    message = f"{finding.message}\n{finding.help}" if finding.help else finding.message
    return f"::{_COMMAND[finding.severity]} {properties}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
