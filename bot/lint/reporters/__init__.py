"""Report formats: functions that render a report as text, by format name."""

from collections.abc import Callable

from bot.lint.report import Report
from bot.lint.reporters import github, json, markdown, sarif, terminal

REPORTERS: dict[str, Callable[[Report], str]] = {
    "terminal": terminal.render,
    "github": github.render,
    "json": json.render,
    "sarif": sarif.render,
    "markdown": lambda report: markdown.render(report.findings) + "\n",
}
