"""The linter for taxonomies: reports each mistake with its line and a fix. Needs no model and no network."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.config.recipe import LintRecipe
from bot.lint.accepted import by_path
from bot.lint.cache import FindingsCache
from bot.lint.findings import Finding, Severity
from bot.lint.leaf_view import DEFAULTS, LeafView, PullView
from bot.lint.leaves import findings_of, lint_leaves
from bot.lint.report import LintedLeaf, Report, start_of
from bot.lint.rule import LeafRule, PullRule, TreeRule
from bot.lint.rules import RULES, find_rule
from bot.taxonomy.files import DiskFiles
from bot.taxonomy.layout import Layout
from bot.taxonomy.leaf import FOLDERS
from bot.taxonomy.parsed import Problem
from bot.taxonomy.tree import leaves_of

MAX_FINDINGS = 20_000
"""Maximum number of findings in one report; the rest appear once these are fixed."""


@dataclass(frozen=True)
class Pull:
    """A pull request: its author and the files that it changes, as returned by `changed_files`."""

    author: str
    files: Sequence[tuple[str, str]]


def lint_tree(
    root: Path | DiskFiles,
    only: Collection[str] | None = None,
    settings: LintRecipe = DEFAULTS,
    pull: Pull | None = None,
    cache: FindingsCache | None = None,
    *,
    online: bool = False,
) -> Report:
    """Lint the leaves below a taxonomy's folder on disk.

    If `root` is the root of a repository, only the top folders of a taxonomy are linted.

    Args:
        root: the folder, or its files as returned by `tree_files`.
        only: paths of the leaves to lint; None lints all leaves. Tree rules always check the whole tree, but
            a problem between two leaves is reported only if one of the two is in `only`.
        pull: the pull request that proposes this tree; needed by the rules that check its changes.
        cache: findings of earlier runs; cached leaves are not linted again. Not used with `online`, because
            remote repositories can change.
        online: also check documents in other repositories, over the network.

    Raises:
        UserError: the folder does not exist, or the settings name an unknown rule.
    """
    files = tree_files(root) if isinstance(root, Path) else root
    if not files.prefix:
        files = DiskFiles(files.root, "", FOLDERS)
    findings: list[Finding] = []
    rules = chosen_rules(settings)
    for rule in rules:
        if isinstance(rule, TreeRule):
            reported = (found for found in rule.check(files) if _concerns(found, only))
            findings += findings_of(rule, files.prefix, reported, None)
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
        view = PullView(pull.author, pull.files, views, Layout(files.prefix.rstrip("/")))
        for rule in rules:
            if isinstance(rule, PullRule):
                findings += findings_of(rule, "", rule.check(view), None)
    return _report(files, by_path(set(findings), settings.ignore_in, files.prefix), leaves)


def _report(files: DiskFiles, findings: Iterable[Finding], leaves: Sequence[LintedLeaf]) -> Report:
    """Return the report of all findings, in the order of their places; accepted ones are only counted."""
    ordered = sorted(findings, key=lambda f: (f.path, f.line, f.column, f.rule))[:MAX_FINDINGS]
    accepted = Counter(str(finding.accepted) for finding in ordered if finding.accepted)
    open_ = [finding for finding in ordered if not finding.accepted]
    return Report(files.prefix.rstrip("/"), open_, leaves, accepted, start_of(files))


def _concerns(found: tuple[str, Problem], only: Collection[str] | None) -> bool:
    """Return whether to report a tree rule's problem; between two leaves, one of them must be in `only`."""
    path, problem = found
    return only is None or not problem.other or problem.other in only or path.rpartition("/")[0] in only


def chosen_rules(settings: LintRecipe) -> list[LeafRule | TreeRule | PullRule]:
    """Return the rules that the settings enable, with the severities that they set.

    Raises:
        UserError: the settings name an unknown rule.
    """
    in_places = (name for names in settings.ignore_in.values() for name in names)
    named = (*settings.select, *settings.ignore, *settings.severity, *in_places)
    for name in named:
        find_rule(name)
    return [
        replace(rule, severity=Severity(settings.severity.get(name, rule.severity)))
        for name, rule in RULES.items()
        if name in (settings.select or RULES) and name not in settings.ignore
    ]


def tree_files(root: Path, tops: Collection[str] = ()) -> DiskFiles:
    """Return a folder's files with paths from the root of its Git repository, as GitHub expects them.

    Outside a repository, paths start with the folder's name.

    Args:
        tops: the only top folders to read; empty for all.

    Raises:
        UserError: the folder does not exist.
    """
    place = root.resolve()
    prefix = f"{place.name}/"
    for folder in (place, *place.parents):
        if (folder / ".git").exists():
            name = place.relative_to(folder).as_posix()
            prefix = "" if name == "." else f"{name}/"
            break
    return DiskFiles(root, prefix, tops)


__all__ = ["RULES", "Finding", "Pull", "Report", "lint_tree", "tree_files"]
