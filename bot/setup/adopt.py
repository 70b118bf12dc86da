"""Adopt a taxonomy that exists already: report what it needs, and make the changes that need no decision."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.config.load import load_layout, load_lint_recipe
from bot.config.recipe import LintRecipe
from bot.core.diagnosis import Diagnosis
from bot.core.errors import UserError
from bot.generate.draft_exam import drafted_exam
from bot.lint import Report, lint_tree, tree_files
from bot.lint.baseline import FILE, NEVER, accepted_finding, read_baseline, still_found, write_baseline
from bot.lint.fix import fix_files
from bot.lint.leaf_view import EXAM, QNA, LeafView
from bot.setup.commits import check_clean, commit_all
from bot.taxonomy.attribution import ATTRIBUTION
from bot.taxonomy.files import DiskFiles, Unreadable, shown
from bot.taxonomy.parse import MAX_BYTES
from bot.taxonomy.schema import NEWEST
from bot.taxonomy.tree import leaves_of
from bot.taxonomy.upgrade import NeedsDecision, upgraded

MOST_NAMED = 5
"""How many leaves and rules one line names."""


@dataclass
class _Upgrades:
    """The leaves by what their version needs: new contents by path, and reasons by path."""

    new: dict[str, bytes] = field(default_factory=dict)
    undecided: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """What `adopt` does besides its report.

    Attributes:
        write: make the changes that need no decision, and write the baseline.
        commit: commit each kind of change by itself.
        exams: draft exams for the knowledge leaves that have none, whose documents are fetched.
    """

    write: bool = False
    commit: bool = False
    exams: bool = False


def adopt(repository: Path, recipe: Path, wanted: Wanted) -> Iterator[Diagnosis]:
    """Report what a taxonomy needs, one line for each kind of change.

    Args:
        repository: the checkout.
        recipe: the path of arborist.yaml; it need not exist.

    Raises:
        UserError: the recipe, the baseline or the taxonomy's folder cannot be read, or commits are wanted
            and the checkout has changes that are not committed.
    """
    layout = load_layout(recipe, repository)
    files = tree_files(layout.root(repository), layout.tops)
    leaves = leaves_of(files)
    if not leaves:
        yield Diagnosis("taxonomy", "missing", f"no leaf in {layout.name}; `arborist new` adds one")
        return
    yield Diagnosis("taxonomy", "ok", f"{_count(len(leaves), 'leaf', 'leaves')} in {layout.name}")
    if not recipe.exists():
        yield Diagnosis("arborist.yaml", "missing", "`arborist init` writes it, and the workflows")
    settings, write = load_lint_recipe(recipe), wanted.write
    parts = {
        f"Bring leaves to version {NEWEST}": _versions(files, leaves, write=write),
        f"Name the creators in {ATTRIBUTION}": _creators(files, leaves, write=write),
        "Apply lint's mechanical fixes": _fixes(files, settings, write=write),
        "Draft exams by rule": _exams(files, leaves, settings, write=write) if wanted.exams else (),
        f"Accept today's findings in {FILE}": _baseline(files, settings, recipe.parent / FILE, write=write),
    }
    if wanted.commit:
        check_clean(repository)
    for message, found in parts.items():
        yield from found
        if wanted.commit:
            commit_all(repository, message)


def _exams(
    files: DiskFiles, leaves: Sequence[str], settings: LintRecipe, *, write: bool
) -> Iterator[Diagnosis]:
    """Draft exams for the knowledge leaves that have none."""
    without = [leaf for leaf in leaves if f"{leaf}/{EXAM}" not in files.entries]
    without = [leaf for leaf in without if leaf.startswith("knowledge/")]
    drafted: list[str] = []
    for leaf in without:
        try:
            text = drafted_exam(files, leaf, settings.documents)
        except UserError as error:
            yield Diagnosis(EXAM, "advice", str(error))
            continue
        if text:
            drafted.append(leaf)
            if write:
                (files.root / leaf / EXAM).write_text(text, encoding="utf-8")
    if drafted:
        what = f"{len(drafted)} of the {len(without)} knowledge leaves without an exam: {_named(drafted)}"
        done = "an exam is drafted by rule; a person has to read it"
        yield _change(EXAM, what, done, write=write)
    elif without:
        what = f"rules find too few questions for the {len(without)} knowledge leaves without an exam"
        yield Diagnosis(EXAM, "advice", what)


def _versions(files: DiskFiles, leaves: Sequence[str], *, write: bool) -> Iterator[Diagnosis]:
    """Bring leaves to the newest version of the schema."""
    found = _Upgrades()
    for leaf in leaves:
        try:
            view = LeafView(files, leaf)
            new = upgraded(files.read(f"{leaf}/{QNA}", MAX_BYTES), view.kind)
            if new is not None and not (view.attribution or "").strip():
                raise NeedsDecision(f"version {NEWEST} needs an {ATTRIBUTION}")
            if new is not None:
                found.new[leaf] = new
        except (NeedsDecision, Unreadable) as problem:
            found.undecided[leaf] = str(problem)
    if found.new:
        if write:
            for leaf, content in found.new.items():
                (files.root / leaf / QNA).write_bytes(content)
        what = f"{_count(len(found.new), 'leaf', 'leaves')} of an older version: {_named(list(found.new))}"
        yield _change("version", what, f"they become version {NEWEST}", write=write)
    elif not found.undecided:
        yield Diagnosis("version", "ok", "all leaves are of version 3")
    for reason, number in Counter(found.undecided.values()).most_common(MOST_NAMED):
        leaf = next(leaf for leaf, own in found.undecided.items() if own == reason)
        more = f" and {number - 1} more" if number > 1 else ""
        place = f"{shown(files.prefix + leaf)}/{QNA}{more}"
        yield Diagnosis("version", "advice", f"kept as it is: {place}: {reason}")
    if len(set(found.undecided.values())) > MOST_NAMED:
        rest = f"{len(found.undecided)} leaves in all are kept as they are"
        yield Diagnosis("version", "advice", f"{rest}; `arborist lint` shows what is wrong in each")


def _creators(files: DiskFiles, leaves: Sequence[str], *, write: bool) -> Iterator[Diagnosis]:
    """Add the creators to attribution.txt, as qna.yaml names them. A licence is never guessed."""
    without, added = [], []
    for leaf in leaves:
        view = LeafView(files, leaf)
        creator = str(view.data.get("created_by", ""))
        if view.attribution is None or not view.attribution.strip():
            without.append(leaf)
        elif "creator" not in view.attribution.casefold() and creator.strip() and creator.isprintable():
            added.append(leaf)
            if write:
                text = f"{view.attribution.rstrip()}\nCreator names: {creator.strip()}\n"
                (files.root / leaf / ATTRIBUTION).write_text(text, encoding="utf-8")
    if added:
        what = f"{_count(len(added), 'file', 'files')} without creators: {_named(added)}"
        yield _change(ATTRIBUTION, what, "created_by is written as the creator", write=write)
    if without:
        ask = "ask their authors for title, link and licence"
        what = f"{_count(len(without), 'leaf has', 'leaves have')} none: {_named(without)}; {ask}"
        yield Diagnosis(ATTRIBUTION, "advice", what)


def _fixes(files: DiskFiles, settings: LintRecipe, *, write: bool) -> Iterator[Diagnosis]:
    """Apply lint's mechanical fixes."""
    report = _lint(files, settings)
    if write:
        number = len(fix_files(files.root, report))
    else:
        number = sum(finding.fix is not None for finding in report.findings)
    if number:
        yield _change(
            "fixes", _count(number, "mechanical fix", "mechanical fixes"), "they are applied", write=write
        )


def _baseline(files: DiskFiles, settings: LintRecipe, file: Path, *, write: bool) -> Iterator[Diagnosis]:
    """Accept the findings of today in the baseline; if there is one already, remove those that are gone."""
    report, before = _lint(files, settings), read_baseline(file)
    dangers = [finding for finding in report.findings if finding.rule in NEVER]
    for finding in dangers[:MOST_NAMED]:
        where = f"{finding.path}:{finding.line}:{finding.column}"
        yield Diagnosis(finding.rule, "missing", f"{where}: {finding.message}; it cannot be accepted")
    if file.exists():
        kept = still_found(before, report)
        gone, new = len(before) - len(kept), len(report.findings) - len(kept)
        if write and gone:
            write_baseline(file, kept)
        removed = " and removed" if write else ": --write removes them"
        said = f"{len(kept)} accepted, {new} new; {gone} gone{removed if gone else ''}"
        yield Diagnosis("baseline", "ok" if write or not gone else "advice", said)
        return
    kept = [accepted_finding(finding) for finding in report.findings if finding.rule not in NEVER]
    if not kept:
        yield Diagnosis("baseline", "ok", "not needed: lint finds nothing to accept")
        return
    if write:
        write_baseline(file, kept)
    rules = Counter(one.rule for one in kept).most_common(MOST_NAMED)
    most = ", ".join(f"{number} {rule}" for rule, number in rules)
    what = f"{_count(len(kept), 'finding', 'findings')} of today ({most})"
    yield _change("baseline", what, f"they are accepted in {FILE}", write=write)


def _lint(files: DiskFiles, settings: LintRecipe) -> Report:
    # The files may have been changed, so they are listed again.
    return lint_tree(DiskFiles(files.root, files.prefix, files.tops), None, settings)


def _change(name: str, what: str, done: str, *, write: bool) -> Diagnosis:
    """Return the diagnosis of a change that --write makes."""
    if write:
        return Diagnosis(name, "ok", f"{what}; {done}")
    return Diagnosis(name, "advice", f"{what}; with --write {done}")


def _named(leaves: Sequence[str]) -> str:
    more = len(leaves) - MOST_NAMED
    named = ", ".join(shown(leaf) for leaf in leaves[:MOST_NAMED])
    return f"{named} and {more} more" if more > 0 else named


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
