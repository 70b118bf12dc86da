"""A finding: one mistake, where it is, and how to mend it."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error stops a contribution; a warning asks for a look; an info only tells."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake.

    Attributes:
        path: the file, from the repository's root.
        line, column: from 1; columns in characters.
        end_line, end_column: the end, exclusive; None where it is not known.
        rule: the rule's name.
        help: how to mend it; may be empty.
        source: the line itself, for showing; not part of the report.
        fix: what to write in the place's stead, where that is sure; not part of the report.
        mended: the whole line with the fix in it.
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
    mended: str | None = None
