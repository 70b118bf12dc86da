"""Linting of single leaves, in parallel processes if there are many."""

import os
from collections.abc import Iterator, Sequence

from bot.config.recipe import LintRecipe
from bot.lint.accepted import by_comments
from bot.lint.cache import FindingsCache, Linted
from bot.lint.findings import Finding
from bot.lint.leaf_view import LeafView
from bot.lint.report import LintedLeaf
from bot.lint.rule import LeafRule, Problems, Rule
from bot.taxonomy.files import DiskFiles, Files, shown, well_formed
from bot.taxonomy.parsed import Problem
from bot.text.safety import mask_secrets

MANY = 400
"""Number of leaves from which on parallel processes save time."""

_work: tuple[Files, Sequence[Rule], LintRecipe, bool]
"""Arguments of `_lint_leaf`. Worker processes inherit them by fork, so nothing has to be pickled."""


def lint_leaves(
    files: Files,
    paths: Sequence[str],
    rules: Sequence[Rule],
    settings: LintRecipe,
    cache: FindingsCache | None,
    *,
    online: bool,
) -> Iterator[Linted]:
    """Yield each leaf and its findings, in the order of `paths`; cached leaves are not linted again."""
    keys = {path: cache.key(files, path) for path in paths} if cache else {}
    known = {path: linted for path, key in keys.items() if cache and (linted := cache.get(key))}
    fresh = _lint_uncached(files, [path for path in paths if path not in known], rules, settings, online)
    for path in paths:
        if path in known:
            yield known[path]
        else:
            linted = next(fresh)
            if cache:
                cache.put(keys[path], linted)
            yield linted


def _lint_uncached(
    files: Files, paths: Sequence[str], rules: Sequence[Rule], settings: LintRecipe, online: bool
) -> Iterator[Linted]:
    global _work
    _work = files, rules, settings, online
    # GitFiles reads through a git subprocess, which forked processes cannot share.
    if len(paths) < MANY or not isinstance(files, DiskFiles) or os.cpu_count() == 1:
        yield from map(_lint_leaf, paths)
    else:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        with ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork")) as pool:
            yield from pool.map(_lint_leaf, paths, chunksize=50)


def _lint_leaf(path: str) -> Linted:
    files, rules, settings, online = _work
    view = LeafView(files, path, settings, online=online)
    findings = [
        finding
        for rule in rules
        if isinstance(rule, LeafRule)
        for finding in findings_of(rule, f"{files.prefix}{path}/", rule.check(view), view)
    ]
    return _linted(view), list(by_comments(view, findings))


def findings_of(rule: Rule, folder: str, problems: Problems, view: LeafView | None) -> Iterator[Finding]:
    """Convert a rule's problems to findings.

    Args:
        folder: the prefix for the problems' file names, with a slash at the end.
        view: the leaf that the problems are in; None for tree and pull request rules.
    """
    for name, problem in problems:
        place = problem.place
        line = view.line(name, place.line) if view else ""
        # A YAML block scalar ends at the start of the next line; report the end of its last line instead.
        ends_before = place.end_line > place.line and place.end_column == 1
        fixed_line = _fixed_line(line, problem)
        yield Finding(
            path=shown(folder + name),
            line=place.line,
            column=place.column,
            rule=rule.name,
            severity=rule.severity,
            message=mask_secrets(well_formed(problem.message)),
            help=mask_secrets(well_formed(problem.help)),
            end_line=place.end_line - ends_before,
            end_column=None if ends_before else place.end_column,
            source=_source(line, rule),
            fix=problem.fix if fixed_line else None,
            fixed_line=fixed_line,
        )


def _source(line: str, rule: Rule) -> str:
    """Return a line for display, without secrets; "" if it has a secret that cannot be masked."""
    masked = mask_secrets(line)
    return "" if rule.name == "secret" and masked == line else masked[:2000]


def _fixed_line(line: str, problem: Problem) -> str | None:
    """Return the line with the problem's fix applied.

    None if there is no fix, if it spans several lines, or if the line contains a secret, which is never
    repeated.
    """
    place = problem.place
    if problem.fix is None or place.line != place.end_line:
        return None
    fixed = line[: place.column - 1] + problem.fix + line[place.end_column - 1 :]
    return fixed if mask_secrets(fixed) == fixed else None


def _linted(view: LeafView) -> LintedLeaf:
    seeds = sum(1 for _ in view.seeds())
    return LintedLeaf(shown(view.path), view.kind, seeds, sum(1 for _ in view.exam_questions()))
