"""Lint: every mistake of a taxonomy on its line, with how to mend it. Needs no model and no network."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.lint.cache import FindingsCache
from bot.lint.findings import Finding, Severity
from bot.lint.leaves import findings_of, lint_leaves
from bot.lint.report import Report
from bot.lint.rules import RULES, LeafRule, PullRule, TreeRule, find_rule
from bot.lint.view import DEFAULTS, LeafView, PullView
from bot.recipe import LintRecipe
from bot.taxonomy.files import DiskFiles
from bot.taxonomy.leaf import FOLDERS
from bot.taxonomy.parsed import Problem
from bot.taxonomy.tree import leaves_of

MAX_FINDINGS = 20_000
"""Findings of one report; who has more mends these first."""


@dataclass(frozen=True)
class Pull:
    """What is known of a pull request: who opened it, and what `changed_files` says that it changes."""

    author: str
    files: Sequence[tuple[str, str]]


def lint_tree(
    root: Path,
    only: Collection[str] | None = None,
    settings: LintRecipe = DEFAULTS,
    pull: Pull | None = None,
    cache: FindingsCache | None = None,
    *,
    online: bool = False,
) -> Report:
    """Lint the leaves below a taxonomy's folder on disk.

    Where that is a whole repository, only the top folders of a taxonomy are looked at.

    Args:
        only: paths of the leaves wanted; all if None. The tree's own rules always check all of it, but a
            problem between two leaves counts only if one of them is wanted.
        pull: the pull request that the tree is of, for the rules on what it changes.
        cache: what was found before; leaves that are in it are not looked at again. With `online` there is
            none, since what is elsewhere changes.
        online: look into the repositories that documents are in.

    Raises:
        UserError: there is no such folder; the settings name a rule that there is not.
    """
    files = tree_files(root)
    if not files.prefix:
        files = DiskFiles(root, "", FOLDERS)
    findings: list[Finding] = []
    rules = chosen_rules(settings)
    for rule in rules:
        if isinstance(rule, TreeRule):
            of_the_tree = (found for found in rule.check(files) if _concerns(found, only))
            findings += findings_of(rule, files.prefix, of_the_tree, None)
    leaves = []
    wanted = [path for path in leaves_of(files) if only is None or path in only]
    known = None if online else cache
    for leaf, found in lint_leaves(files, wanted, rules, settings, known, online=online):
        leaves.append(leaf)
        findings += found
        if len(findings) >= MAX_FINDINGS:
            break
    if pull:
        views = {path: LeafView(files, path) for path in wanted}
        seen = PullView(pull.author, pull.files, views, files.prefix)
        for rule in rules:
            if isinstance(rule, PullRule):
                findings += findings_of(rule, "", rule.check(seen), None)
    findings = sorted(set(findings), key=lambda f: (f.path, f.line, f.column, f.rule))[:MAX_FINDINGS]
    return Report(files.prefix.rstrip("/"), findings, leaves)


def _concerns(found: tuple[str, Problem], only: Collection[str] | None) -> bool:
    """Whether to report a problem of the tree: of one between two leaves, whether one of them is wanted."""
    path, problem = found
    return only is None or not problem.other or problem.other in only or path.rpartition("/")[0] in only


def chosen_rules(settings: LintRecipe) -> list[LeafRule | TreeRule | PullRule]:
    """The rules that are run, with the severities that are asked for.

    Raises:
        UserError: there is no such rule.
    """
    named = (*settings.select, *settings.ignore, *settings.severity)
    for name in named:
        find_rule(name)
    return [
        replace(rule, severity=Severity(settings.severity.get(name, rule.severity)))
        for name, rule in RULES.items()
        if name in (settings.select or RULES) and name not in settings.ignore
    ]


def tree_files(root: Path) -> DiskFiles:
    """A folder's files, named as its repository names them, so that findings are where GitHub looks for them.

    Raises:
        UserError: there is no such folder.
    """
    place = root.resolve()
    prefix = f"{place.name}/"
    for folder in (place, *place.parents):
        if (folder / ".git").exists():
            name = place.relative_to(folder).as_posix()
            prefix = "" if name == "." else f"{name}/"
            break
    return DiskFiles(root, prefix)


__all__ = ["RULES", "Finding", "Pull", "Report", "lint_tree", "tree_files"]
