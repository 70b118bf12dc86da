"""Automatic fixes (`arborist lint --fix`): applies each finding's fix and changes nothing else."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from bot.lint.findings import Finding
from bot.lint.report import Report


def fix_files(root: Path, report: Report) -> list[Finding]:
    """Apply the report's fixes to the files; all other bytes stay the same.

    Args:
        root: the folder that was linted.

    Returns:
        The findings that were fixed. If two fixes overlap, one is left for the next run.
    """
    done: list[Finding] = []
    fixable = [f for f in report.findings if f.fix is not None and f.fixed_line is not None]
    for path, group in groupby(sorted(fixable, key=lambda f: f.path), key=lambda f: f.path):
        file = root / path.removeprefix(f"{report.root}/")
        try:
            content = file.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue  # columns are unreliable until the author saves the file as UTF-8
        text, of_file = fixed(content, list(group))
        _replace(file, text.encode())
        done += of_file
    return done


def fixed(content: str, findings: Sequence[Finding]) -> tuple[str, list[Finding]]:
    """Return a file's text with the fixes applied, and the findings that were fixed."""
    # Columns do not count a byte-order mark; keep it.
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
    """Replace a file atomically and keep its mode: write a temporary file, then rename it."""
    beside = file.with_name(f".{file.name}.part")
    beside.write_bytes(content)
    beside.chmod(file.stat().st_mode)
    beside.replace(file)
