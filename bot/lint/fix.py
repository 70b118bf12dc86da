"""Mends what is mechanical: each finding's fix in its place, and nothing else in the file."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from bot.lint.findings import Finding
from bot.lint.report import Report


def fix_files(root: Path, report: Report) -> list[Finding]:
    """Write the fixes into the files; every other byte stays as it is.

    Args:
        root: the folder that the report is of.

    Returns:
        the findings that were mended. Where two overlap, the second is left for another run.
    """
    done: list[Finding] = []
    sure = [f for f in report.findings if f.fix is not None and f.mended is not None]
    for path, group in groupby(sorted(sure, key=lambda f: f.path), key=lambda f: f.path):
        file = root / path.removeprefix(f"{report.root}/")
        try:
            content = file.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue  # a person saves it as UTF-8 first; until then columns say little
        mended, of_file = fixed(content, list(group))
        _replace(file, mended.encode())
        done += of_file
    return done


def fixed(content: str, findings: Sequence[Finding]) -> tuple[str, list[Finding]]:
    """A file's text with the fixes in it, and the findings that they are of."""
    # Columns are counted without a byte-order mark, which stays.
    mark = "\ufeff" if content.startswith("\ufeff") else ""
    lines = content.removeprefix(mark).split("\n")
    done: list[Finding] = []
    rest = len(lines), 0
    for finding in sorted(findings, key=lambda f: (f.line, f.column), reverse=True):
        start, end = finding.column - 1, (finding.end_column or finding.column) - 1
        if finding.fix is None or (finding.line - 1 == rest[0] and end > rest[1]):
            continue
        line = lines[finding.line - 1]
        lines[finding.line - 1] = line[:start] + finding.fix + line[end:]
        rest = finding.line - 1, start
        done.append(finding)
    return mark + "\n".join(lines), done[::-1]


def _replace(file: Path, content: bytes) -> None:
    """Write beside, then rename, with the file's own mode: it is never half written."""
    beside = file.with_name(f".{file.name}.part")
    beside.write_bytes(content)
    beside.chmod(file.stat().st_mode)
    beside.replace(file)
