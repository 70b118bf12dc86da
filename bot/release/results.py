"""Exam results of a release for its card: right answers before and after, with confidence intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.core.paired_counts import NOTHING, Pairs, interval, share_interval
from bot.release.exam_words import TITLES, remark


@dataclass(frozen=True)
class Result:
    """The answers to one set of questions.

    Attributes:
        name: path of the leaf, or words for other questions.
        created_by: who contributed the leaf; "" for other questions.
        samples: number of the leaf's samples; 0 for other questions.
    """

    name: str
    pairs: Pairs
    created_by: str = ""
    samples: int = 0


@dataclass(frozen=True)
class Group:
    """The results of all leaves whose exams have the same status, since other results say something else.

    Attributes:
        remark: what the questions are.
    """

    title: str
    remark: str
    results: tuple[Result, ...]

    @property
    def total(self) -> Result:
        """The result of all leaves together."""
        return Result("all", sum((result.pairs for result in self.results), NOTHING))


def exam_groups(manifest: Mapping[str, Any]) -> list[Group]:
    """Return the exam results of a manifest by the status of the exam, held-out questions first."""
    found = []
    for status, title in TITLES.items():
        rows = [row for row in manifest["leaves"] if row["exam"]["status"] == status]
        results = tuple(
            Result(row["path"], _pairs(row["exam"]), row["created_by"], row["samples"])
            for row in rows
            if row["exam"]["after"]["asked"]
        )
        if results:
            found.append(Group(title, remark(status), results))
    return found


def general_result(manifest: Mapping[str, Any]) -> Result:
    """Return the result of the general questions."""
    kept = manifest["examined"]["retention"]
    return Result("general questions", Pairs(kept["asked"], kept["before"], kept["lost"], kept["gained"]))


def share_words(right: int, asked: int, confidence: float) -> str:
    """Return a share with its interval in percent, such as "10 of 12 (55 to 95%)"."""
    low, high = share_interval(right, asked, confidence)
    return f"{right} of {asked} ({round(100 * low)} to {round(100 * high)}%)"


def change_words(pairs: Pairs, confidence: float) -> str:
    """Return a change with its interval in percentage points, such as "+67 (+30 to +85)"."""
    low, high = interval(pairs, confidence)
    return f"{_points(pairs.change)} ({_points(low)} to {_points(high)})"


def _pairs(exam: Mapping[str, Any]) -> Pairs:
    return Pairs(exam["after"]["asked"], exam["before"]["right"], exam["lost"], exam["gained"])


def _points(share: float) -> str:
    return f"{round(100 * share):+d}"
