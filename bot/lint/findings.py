"""Lint findings: a mistake, its location, and how to fix it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Accepted = Literal["", "comment", "path"]


class Severity(StrEnum):
    """The severity of a finding: an error blocks a contribution; a warning and an info do not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake.

    Attributes:
        path: the file's path from the repository's root.
        line, column: the start; both count from 1, columns in characters.
        end_line, end_column: the end (the column is exclusive); None if unknown.
        rule: the rule's name.
        help: how to fix the mistake; may be empty.
        source: the text of the line, for display; not part of the JSON report.
        fix: the text to put in the finding's place, or None if there is no certain fix; not part of the JSON
            report.
        fixed_line: the whole line with the fix applied.
        accepted: how the finding was accepted, so that it is counted and not reported; "" if it was not.
    """

    path: str
    line: int
    column: int
    rule: str
    severity: Severity
    message: str
    help: str = ""
    end_line: int | None = None
    end_column: int | None = None
    source: str = ""
    fix: str | None = None
    fixed_line: str | None = None
    accepted: Accepted = ""
