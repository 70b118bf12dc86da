"""The difference between two releases as text for a terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.release.difference import Difference, LeafDifference, LostAnswer, Mark, Marks, NearMisses
from bot.release.exam_words import HELD_OUT, NONE, SHARED
from bot.release.results import change_words
from bot.text.escape_markdown import visible

MOST_LOST = 20
"""How many answers that became wrong are shown; --json has all of them."""
_STATUS = {HELD_OUT: "held-out", SHARED: "also in samples", NONE: "own examples", "": ""}


def print_difference(found: Difference, console: Console) -> None:
    """Print the leaves that differ, the totals, and the answers that became wrong."""
    shown = [leaf for leaf in found.leaves if _differs(leaf)]
    if shown:
        console.print(_table(found, shown))
    same = len(found.leaves) - len(shown)
    if same:
        leaves = "leaf has" if same == 1 else "leaves have"
        _line(console, f"{same} {'other ' if shown else ''}{leaves} the same samples and the same marks")
    if found.held_out.after:
        _line(console, f"all held-out questions: {_both(found.held_out, found.confidence)}")
    _line(console, f"general questions: {_both(found.general, found.confidence)}")
    near = f"{_kept(found.near_before)} -> {_kept(found.near_after)}"
    _line(console, f"near misses right, of those that the base answers right: {near}")
    _print_lost(found, console)


def _print_lost(found: Difference, console: Console) -> None:
    if found.unknown:
        sets = "1 set of questions" if found.unknown == 1 else f"{found.unknown} sets of questions"
        _line(console, f"the store does not have both models' answers to {sets}, so these are not compared")
    if found.lost:
        console.print(_lost_table(found))
        more = len(found.lost) - MOST_LOST
        if more > 0:
            _line(console, f"and {more} more answers that became wrong; --json lists all")
    elif not found.unknown:
        _line(console, "no answer became wrong")


def _table(found: Difference, leaves: list[LeafDifference]) -> Table:
    points = f"points ({100 * found.confidence:g}% interval)"
    table = Table("leaf", "", "questions", found.before, found.after, points, "near misses")
    for leaf in leaves:
        near = (
            ""
            if leaf.near_before == leaf.near_after
            else f"{_near(leaf.near_before)} -> {_near(leaf.near_after)}"
        )
        exam = leaf.exam
        status = _STATUS[(exam.after or exam.before or Mark(0, 0)).status]
        change = _change(exam, found.confidence)
        cells = (leaf.path, leaf.change, status, _mark(exam.before), _mark(exam.after), change, near)
        table.add_row(*(Text(visible(cell)) for cell in cells))
    return table


def _lost_table(found: Difference) -> Table:
    table = Table("became wrong", "question", found.before, found.after)
    for one in found.lost[:MOST_LOST]:
        cells = (_where(one), one.question, one.before, one.after)
        table.add_row(*(Text(visible(cell)) for cell in cells))
    return table


def _differs(leaf: LeafDifference) -> bool:
    before, after = leaf.exam.before, leaf.exam.after
    return leaf.change != "same" or before != after or leaf.near_before != leaf.near_after


def _both(marks: Marks, confidence: float) -> str:
    change = _change(marks, confidence)
    return (
        f"{_mark(marks.before) or 'none'} -> {_mark(marks.after) or 'none'}{f'; {change}' if change else ''}"
    )


def _mark(mark: Mark | None) -> str:
    return f"{mark.right} of {mark.asked}" if mark else ""


def _change(marks: Marks, confidence: float) -> str:
    """Return the change in percentage points with its interval; "" if it is not known."""
    if marks.pairs is None:
        return ""
    asked = marks.pairs.asked
    other = any(mark is not None and mark.asked != asked for mark in (marks.before, marks.after))
    return change_words(marks.pairs, confidence) + (f", questions in both: {asked}" if other else "")


def _near(near: NearMisses | None) -> str:
    return _kept(near) if near else "none"


def _kept(near: NearMisses) -> str:
    return f"{near.kept} of {near.base}"


def _where(one: LostAnswer) -> str:
    return one.kind if not one.leaf else f"{one.kind} of {one.leaf}"


def _line(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False)
