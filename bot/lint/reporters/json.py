"""The report as JSON that conforms to schemas/report.json."""

import json

from bot.lint.report import Report


def render(report: Report) -> str:
    return json.dumps(report.to_json(), indent=2, ensure_ascii=False) + "\n"
