"""Leaves linted one by one, by several processes where there are many."""

import os
from collections.abc import Iterator, Sequence

from bot.lint.cache import FindingsCache, Linted
from bot.lint.findings import Finding
from bot.lint.report import LintedLeaf
from bot.lint.rules import LeafRule, Problems, Rule
from bot.lint.view import LeafView
from bot.recipe import LintRecipe
from bot.taxonomy.files import DiskFiles, Files, shown, well_formed
from bot.taxonomy.parsed import Problem

MANY = 400
"""Leaves from which on starting processes takes less time than it saves."""

_work: tuple[Files, Sequence[Rule], LintRecipe, bool]
"""What the processes share; they are forked, so that nothing is copied or pickled."""


def lint_leaves(
    files: Files,
    paths: Sequence[str],
    rules: Sequence[Rule],
    settings: LintRecipe,
    cache: FindingsCache | None,
    *,
    online: bool,
) -> Iterator[Linted]:
    """What is found in each leaf, in the order of the paths; what is in the cache is not looked at."""
    keys = {path: cache.key(files, path) for path in paths} if cache else {}
    known = {path: linted for path, key in keys.items() if cache and (linted := cache.get(key))}
    fresh = _looked_at(files, [path for path in paths if path not in known], rules, settings, online)
    for path in paths:
        if path in known:
            yield known[path]
        else:
            linted = next(fresh)
            if cache:
                cache.put(keys[path], linted)
            yield linted


def _looked_at(
    files: Files, paths: Sequence[str], rules: Sequence[Rule], settings: LintRecipe, online: bool
) -> Iterator[Linted]:
    global _work
    _work = files, rules, settings, online
    # git's processes cannot be shared, so a commit is read by one.
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
    found = [
        finding
        for rule in rules
        if isinstance(rule, LeafRule)
        for finding in findings_of(rule, f"{files.prefix}{path}/", rule.check(view), view)
    ]
    return _linted(view), found


def findings_of(rule: Rule, folder: str, problems: Problems, view: LeafView | None) -> Iterator[Finding]:
    """A rule's problems as findings.

    Args:
        folder: what stands before the problems' file names.
        view: the leaf that they are in, if they are in one.
    """
    for name, problem in problems:
        place = problem.place
        line = view.line(name, place.line) if view else ""
        # A block of text ends where the next line begins; what is shown ends on its last line.
        ends_before = place.end_line > place.line and place.end_column == 1
        yield Finding(
            path=shown(folder + name),
            line=place.line,
            column=place.column,
            rule=rule.name,
            severity=rule.severity,
            message=well_formed(problem.message),
            help=well_formed(problem.help),
            end_line=place.end_line - ends_before,
            end_column=None if ends_before else place.end_column,
            source=line[:2000],
            fix=problem.fix,
            mended=_mended(line, problem),
        )


def _mended(line: str, problem: Problem) -> str | None:
    """A line with a problem's fix in it; None where there is no fix."""
    place = problem.place
    if problem.fix is None or place.line != place.end_line:
        return None
    return line[: place.column - 1] + problem.fix + line[place.end_column - 1 :]


def _linted(view: LeafView) -> LintedLeaf:
    seeds = sum(1 for _ in view.seeds())
    return LintedLeaf(shown(view.path), view.kind, seeds, sum(1 for _ in view.exam_questions()))
