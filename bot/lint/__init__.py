"""Lint: every mistake of a taxonomy on its line, with how to mend it. Needs no model and no network."""

from collections.abc import Collection, Iterator
from pathlib import Path

from bot.lint.findings import Finding
from bot.lint.report import LintedLeaf, Report
from bot.lint.rules import RULES, LeafRule, Problems, Rule, TreeRule
from bot.lint.view import LeafView
from bot.taxonomy.files import DiskFiles, Files, shown
from bot.taxonomy.tree import leaves_of

MAX_FINDINGS = 20_000
"""Findings of one report; who has more mends these first."""


def lint_tree(root: Path, only: Collection[str] | None = None) -> Report:
    """Lint the leaves below a taxonomy's folder on disk.

    Args:
        only: paths of the leaves wanted; all if None. The tree's own rules always look at all of it.

    Raises:
        UserError: there is no such folder.
    """
    return lint_files(DiskFiles(root, _prefix(root)), only)


def _prefix(root: Path) -> str:
    """The folder as its repository names it, so that findings are where GitHub looks for them."""
    place = root.resolve()
    for folder in (place, *place.parents):
        if (folder / ".git").exists():
            name = place.relative_to(folder).as_posix()
            return "" if name == "." else f"{name}/"
    return f"{place.name}/"


def lint_files(files: Files, only: Collection[str] | None = None) -> Report:
    """Lint the leaves of any place with files; see `lint_tree`."""
    findings: list[Finding] = []
    for rule in RULES.values():
        if isinstance(rule, TreeRule):
            findings += _findings(rule, files, "", rule.check(files), None)
    leaves = []
    for path in leaves_of(files):
        if (only is None or path in only) and len(findings) < MAX_FINDINGS:
            view = LeafView(files, path)
            leaves.append(_linted(view))
            findings += _lint_leaf(view)
    findings = sorted(set(findings), key=lambda f: (f.path, f.line, f.column, f.rule))[:MAX_FINDINGS]
    return Report(files.prefix.rstrip("/"), findings, leaves)


def _lint_leaf(view: LeafView) -> Iterator[Finding]:
    for rule in RULES.values():
        if isinstance(rule, LeafRule):
            yield from _findings(rule, view.files, f"{view.path}/", rule.check(view), view)


def _findings(
    rule: Rule, files: Files, folder: str, problems: Problems, view: LeafView | None
) -> Iterator[Finding]:
    for name, problem in problems:
        place = problem.place
        # A block of text ends where the next line begins; what is shown ends on its last line.
        ends_before = place.end_line > place.line and place.end_column == 1
        yield Finding(
            path=f"{files.prefix}{shown(folder + name)}",
            line=place.line,
            column=place.column,
            rule=rule.name,
            severity=rule.severity,
            message=problem.message,
            help=problem.help,
            end_line=place.end_line - ends_before,
            end_column=None if ends_before else place.end_column,
            source=view.line(name, place.line)[:2000] if view else "",
        )


def _linted(view: LeafView) -> LintedLeaf:
    seeds = sum(1 for _ in view.seeds())
    return LintedLeaf(shown(view.path), view.kind, seeds, sum(1 for _ in view.exam_questions()))


__all__ = ["RULES", "Finding", "Report", "lint_files", "lint_tree"]
