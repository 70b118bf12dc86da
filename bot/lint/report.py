"""The report: all findings of a lint, as an object and as JSON by schemas/report.json."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.errors import UserError
from bot.lint.findings import Finding, Severity
from bot.taxonomy.leaf import Kind
from bot.taxonomy.schema import SCHEMAS

VERSION = 1
TEXT_LIMIT = 4000
"""Characters of a message or a help in the report."""


@dataclass(frozen=True)
class LintedLeaf:
    """A leaf that was looked at, and how much it holds."""

    path: str
    kind: Kind
    seeds: int
    exam_questions: int


@dataclass(frozen=True)
class Report:
    """What a lint found.

    Attributes:
        root: the taxonomy's folder as findings name it.
        findings: by path, line and column.
    """

    root: str
    findings: Sequence[Finding]
    leaves: Sequence[LintedLeaf]

    @property
    def errors(self) -> int:
        return self.count(Severity.ERROR)

    def count(self, severity: Severity) -> int:
        return sum(finding.severity == severity for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        counts = {str(severity): self.count(severity) for severity in Severity}
        return {
            "version": VERSION,
            "root": self.root,
            "findings": [_finding(finding) for finding in self.findings],
            "leaves": [
                {"path": x.path, "kind": x.kind, "seeds": x.seeds, "exam_questions": x.exam_questions}
                for x in self.leaves
            ],
            "counts": {**counts, "leaves": len(self.leaves)},
        }


def _finding(finding: Finding) -> dict[str, Any]:
    end = {"end_line": finding.end_line} if finding.end_line else {}
    mended = {"mended": finding.mended} if finding.mended and len(finding.mended) <= TEXT_LIMIT else {}
    return {
        "path": finding.path[:TEXT_LIMIT],
        "line": finding.line,
        "column": finding.column,
        **end,
        "rule": finding.rule,
        "severity": str(finding.severity),
        "message": finding.message[:TEXT_LIMIT],
        "help": finding.help[:TEXT_LIMIT],
        **mended,
    }


def read_report(data: Any) -> list[Finding]:
    """The findings of a report that anybody may have written.

    Raises:
        UserError: it is not as schemas/report.json says.
    """
    from jsonschema import Draft202012Validator

    schema = json.loads((SCHEMAS / "report.json").read_text())
    # The first mistake is enough, and its message is not shown: it may quote what a stranger wrote.
    for error in Draft202012Validator(schema).iter_errors(data):
        place = ".".join(str(step)[:40] for step in error.absolute_path) or "top level"
        raise UserError(f"lint report: {place}: not as schemas/report.json says", code=1)
    return [
        Finding(
            path=item["path"],
            line=item["line"],
            column=item["column"],
            rule=item["rule"],
            severity=Severity(item["severity"]),
            message=item["message"],
            help=item["help"],
            end_line=item.get("end_line"),
            mended=item.get("mended"),
        )
        for item in data["findings"]
    ]
