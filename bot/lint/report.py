"""The lint report: all findings, as an object and as JSON that conforms to schemas/report.json."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.core.errors import UserError
from bot.lint.findings import Finding, Severity
from bot.taxonomy.files import DiskFiles, Files
from bot.taxonomy.leaf import Kind
from bot.taxonomy.schema import SCHEMAS

VERSION = 1
TEXT_LIMIT = 4000
"""Maximum length of a path, message or help text in the report, in characters."""


@dataclass(frozen=True)
class LintedLeaf:
    """A linted leaf with its numbers of seed examples and exam questions."""

    path: str
    kind: Kind
    seeds: int
    exam_questions: int


@dataclass(frozen=True)
class Report:
    """The result of linting a taxonomy.

    Attributes:
        root: the taxonomy's folder, as it appears in the findings' paths.
        findings: sorted by path, line and column.
        accepted: how findings were accepted (comment, path, baseline) -> how many are not in `findings`.
        folder: the folder on disk that the findings' paths start from, for formats that people open files
            from; None if unknown.
    """

    root: str
    findings: Sequence[Finding]
    leaves: Sequence[LintedLeaf]
    accepted: Mapping[str, int] = field(default_factory=dict)
    folder: Path | None = None

    def path_from_here(self, finding: Finding) -> str:
        """Return a finding's path as it can be opened from the current folder."""
        return os.path.relpath(self.folder / finding.path) if self.folder else finding.path

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
            "accepted": dict(self.accepted),
        }


def start_of(files: Files) -> Path | None:
    """Return the folder that paths with the files' prefix start from: usually the repository's root."""
    if not isinstance(files, DiskFiles):
        return None
    return files.root.resolve().joinpath(*[".."] * files.prefix.count("/"))


def _finding(finding: Finding) -> dict[str, Any]:
    end = {"end_line": finding.end_line} if finding.end_line else {}
    fixed = (
        {"fixed_line": finding.fixed_line}
        if finding.fixed_line and len(finding.fixed_line) <= TEXT_LIMIT
        else {}
    )
    return {
        "path": finding.path[:TEXT_LIMIT],
        "line": finding.line,
        "column": finding.column,
        **end,
        "rule": finding.rule,
        "severity": str(finding.severity),
        "message": finding.message[:TEXT_LIMIT],
        "help": finding.help[:TEXT_LIMIT],
        **fixed,
    }


ACCEPTED_BY = {
    "baseline": "the baseline",
    "path": "`ignore_in` in arborist.yaml",
    "comment": "a comment in the file",
}


def accepted_text(accepted: Mapping[str, int]) -> str:
    """Return how many findings were accepted, and how; "" if none was."""
    parts = [f"{number} by {ACCEPTED_BY[how]}" for how, number in sorted(accepted.items()) if number]
    total = sum(accepted.values())
    return f"{total} {'finding' if total == 1 else 'findings'} accepted: {', '.join(parts)}" if total else ""


def read_accepted(data: Any) -> dict[str, int]:
    """Return how many findings were accepted, by a JSON report that `read_report` has validated."""
    return dict(data.get("accepted", {}))


def read_report(data: Any) -> list[Finding]:
    """Validate a JSON report from an untrusted source and return its findings.

    Raises:
        UserError: the report does not conform to schemas/report.json.
    """
    from jsonschema import Draft202012Validator

    schema = json.loads((SCHEMAS / "report.json").read_text())
    # Report only the first mistake, without the validator's message, which may quote untrusted text.
    for error in Draft202012Validator(schema).iter_errors(data):
        place = ".".join(str(step)[:40] for step in error.absolute_path) or "top level"
        raise UserError(f"lint report: {place}: does not conform to schemas/report.json", code=1)
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
            fixed_line=item.get("fixed_line"),
        )
        for item in data["findings"]
    ]
