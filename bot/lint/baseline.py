"""The baseline: findings that a community accepted when it adopted arborist; lint reports only new ones."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.core.errors import UserError
from bot.core.package_files import shipped
from bot.core.schema import first_mistake
from bot.lint.findings import Finding
from bot.lint.report import Report

FILE = ".arborist/baseline.json"
"""The baseline's place in a repository."""
SCHEMA = shipped("schemas/baseline.json")
NEVER = frozenset({"secret", "chat-token", "instruction", "invisible-character"})
"""Rules whose findings are never accepted in a baseline: they can harm whoever trains or reads."""
MESSAGE_SHOWN = 200
_LINE = re.compile(r"\bline \d+")


@dataclass(frozen=True, order=True)
class AcceptedFinding:
    """A finding in the baseline.

    Attributes:
        text: a hash of the whole message without line numbers, so that lines may move.
        message: the message, for readers.
    """

    path: str
    rule: str
    text: str
    message: str = ""


def accepted_finding(finding: Finding) -> AcceptedFinding:
    """Return how a finding is named in the baseline."""
    message = _LINE.sub("line", finding.message)
    text = hashlib.sha256(message.encode()).hexdigest()[:16]
    return AcceptedFinding(finding.path, finding.rule, text, message[:MESSAGE_SHOWN])


def read_baseline(file: Path) -> list[AcceptedFinding]:
    """Read a baseline; a missing file is an empty one.

    Raises:
        UserError: the file is not valid.
    """
    try:
        data = json.loads(file.read_bytes())
    except FileNotFoundError:
        return []
    except ValueError as error:
        raise UserError(f"{file}: not JSON: {error}; write it anew with `arborist adopt --write`") from None
    mistake = first_mistake(data, SCHEMA)
    if mistake is not None:
        raise UserError(f"{file}: {mistake[0]}: {mistake[1]}", code=1)
    return [AcceptedFinding(**one) for one in data["findings"]]


def write_baseline(file: Path, accepted: Iterable[AcceptedFinding]) -> None:
    """Write a baseline, one finding a line, so that its changes can be reviewed."""
    rows = [
        {"path": one.path, "rule": one.rule, "text": one.text, "message": one.message}
        for one in sorted(accepted)
    ]
    lines = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in rows)
    file.parent.mkdir(parents=True, exist_ok=True)
    ignored = file.with_name(".gitignore")
    if not ignored.exists():  # the store is beside the baseline by default, and is not to be committed
        ignored.write_text("/store/\n")
    file.write_text(f'{{\n  "version": 1,\n  "findings": [\n{lines}\n  ]\n}}\n', encoding="utf-8")


def without_baseline(report: Report, baseline: Sequence[AcceptedFinding]) -> Report:
    """Return a report without the findings of the baseline; it counts them.

    A finding that occurs more often than in the baseline is reported as often as it is new.
    """
    left = Counter(_named(one) for one in baseline)
    kept = []
    for finding in report.findings:
        name = _named(accepted_finding(finding))
        if left[name] and finding.rule not in NEVER:
            left[name] -= 1
        else:
            kept.append(finding)
    there = len(report.findings) - len(kept)
    counts = {**report.accepted, "baseline": there} if there else report.accepted
    return replace(report, findings=kept, accepted=counts)


def still_found(baseline: Sequence[AcceptedFinding], report: Report) -> list[AcceptedFinding]:
    """Return the part of a baseline that a report of the whole tree still finds."""
    found = Counter(_named(accepted_finding(finding)) for finding in report.findings)
    kept = []
    for one in baseline:
        if found[_named(one)]:
            found[_named(one)] -= 1
            kept.append(one)
    return kept


def _named(one: AcceptedFinding) -> tuple[str, str, str]:
    return one.path, one.rule, one.text
