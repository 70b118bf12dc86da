"""The difference between two releases, by tables of cases: manifests, marks, and answers in the store."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from rich.console import Console

from bot.core.package_files import shipped
from bot.core.paired_counts import Pairs
from bot.core.schema import first_mistake
from bot.release.compare_releases import StoredAnswers, compare_releases
from bot.release.difference import Difference, Mark, NearMisses
from bot.release.difference_table import print_difference
from tests.helpers.hostile_texts import HOSTILE
from tests.helpers.manifests import leaf_row, manifest

A, B, C = "knowledge/a", "knowledge/b", "knowledge/c"
OTHER = "c" * 64


def later(*leaves: dict[str, Any], previous: str = "v2024.11.01.1") -> dict[str, Any]:
    """The manifest of v2024.11.03.1, which follows another release."""
    return manifest(*leaves, release="v2024.11.03.1", previous=previous)


@dataclass(frozen=True)
class Given:
    question: str
    answer: str
    right: bool


def given(**right: bool) -> list[Given]:
    """Answers by their questions."""
    return [Given(question, "yes" if one else "no", one) for question, one in right.items()]


def check(found: Difference) -> Difference:
    """The same difference, whose data matches the schema and which can be printed."""
    assert first_mistake(found.to_json(), shipped("schemas/diff.json")) is None
    printed(found)
    return found


def printed(found: Difference) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_difference(found, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ([], [], {}),
        ([leaf_row(A)], [leaf_row(A)], {A: "same"}),
        ([], [leaf_row(A)], {A: "added"}),
        ([leaf_row(A)], [], {A: "removed"}),
        ([leaf_row(A)], [leaf_row(A, key=OTHER)], {A: "changed"}),
        ([leaf_row(A)], [leaf_row(B)], {A: "removed", B: "added"}),
        (
            [leaf_row(C), leaf_row(A)],
            [leaf_row(B), leaf_row(A, key=OTHER), leaf_row(C)],
            {A: "changed", B: "added", C: "same"},
        ),
    ],
)
def test_leaves(before: list[Any], after: list[Any], changes: dict[str, str]) -> None:
    found = check(compare_releases(manifest(*before), later(*after)))
    assert {leaf.path: leaf.change for leaf in found.leaves} == changes


@pytest.mark.parametrize(
    ("old", "new", "previous", "before", "after", "pairs"),
    [
        # The releases follow each other: the later manifest has both models' marks on the same questions.
        (leaf_row(A, 0, 3), leaf_row(A, 3, 5), "v2024.11.01.1", (3, 5), (5, 5), Pairs(5, 3, 0, 2)),
        (None, leaf_row(A, 1, 4, 6), "v2024.11.01.1", (1, 6), (4, 6), Pairs(6, 1, 0, 3)),
        (leaf_row(A, 0, 3), leaf_row(A, 2, 6, 8), "v2024.11.01.1", (2, 8), (6, 8), Pairs(8, 2, 0, 4)),
        # Others lie between: each manifest has the marks of its own model.
        (leaf_row(A, 0, 3), leaf_row(A, 1, 5), "v2024.11.01.2", (3, 5), (5, 5), None),
        (None, leaf_row(A, 1, 4), "v2024.11.01.2", None, (4, 5), None),
        (leaf_row(A, 0, 3), None, "v2024.11.01.1", (3, 5), None, None),
    ],
)
def test_marks(old: Any, new: Any, previous: str, before: Any, after: Any, pairs: Pairs | None) -> None:
    rows = ([old] if old else []), ([new] if new else [])
    found = check(compare_releases(manifest(*rows[0]), later(*rows[1], previous=previous)))
    [leaf] = found.leaves
    assert leaf.exam.before == (Mark(*before, "held-out") if before else None)
    assert leaf.exam.after == (Mark(*after, "held-out") if after else None)
    assert leaf.exam.pairs == pairs


@pytest.mark.parametrize(
    ("before", "after", "pairs", "lost"),
    [
        ({"q": True}, {"q": True}, Pairs(1, 1, 0, 0), []),
        ({"q": True}, {"q": False}, Pairs(1, 1, 1, 0), [("q", "yes", "no")]),
        ({"q": False}, {"q": True}, Pairs(1, 0, 0, 1), []),
        ({"q": True, "old": True}, {"q": False, "new": False}, Pairs(1, 1, 1, 0), [("q", "yes", "no")]),
        ({"old": True}, {"new": False}, None, []),
        ({}, {"q": False}, None, []),
    ],
)
@pytest.mark.parametrize("kind", ["exam", "near miss", "general question"])
def test_stored_answers(
    kind: str, before: Mapping[str, bool], after: Mapping[str, bool], pairs: Pairs | None, lost: list[Any]
) -> None:
    def stored(answers: Mapping[str, bool]) -> StoredAnswers:
        said = given(**answers)
        one = {A: said} if said else {}
        return {
            "exam": StoredAnswers(exams=one),
            "near miss": StoredAnswers(near=one),
            "general question": StoredAnswers(general=said),
        }[kind]

    old, new = manifest(leaf_row(A)), later(leaf_row(A), previous="v2024.11.01.2")
    found = check(compare_releases(old, new, stored(before), stored(after)))
    leaf = "" if kind == "general question" else A
    assert [(one.kind, one.leaf, one.question, one.before, one.after) for one in found.lost] == [
        (kind, leaf, *answers) for answers in lost
    ]
    assert found.unknown == (2 if before else 3)
    if kind == "exam":
        assert found.leaves[0].exam.pairs == pairs
    elif kind == "general question":
        assert found.general.pairs == pairs


def test_totals_of_held_out_questions_hold_no_others() -> None:
    rows = [leaf_row(A, 1, 4), leaf_row(B, 0, 5, status="none"), leaf_row(C, 2, 3, status="shared")]
    found = check(compare_releases(manifest(*rows), later(*rows, leaf_row("knowledge/d", 1, 2))))
    assert (found.held_out.before, found.held_out.after) == (Mark(2, 10, "held-out"), Mark(6, 10, "held-out"))
    assert found.held_out.pairs == Pairs(10, 2, 0, 4)


def test_near_misses_and_general_questions() -> None:
    worse = {"asked": 8, "base": 6, "before": 6, "after": 4, "answers": OTHER}
    found = check(compare_releases(manifest(leaf_row(A)), later(leaf_row(A, near_misses=worse), leaf_row(B))))
    assert (found.near_before, found.near_after) == (NearMisses(6, 6), NearMisses(12, 10))
    assert (found.general.before, found.general.after) == (Mark(60, 71), Mark(59, 71))
    assert found.general.pairs == Pairs(71, 60, 3, 2)


def test_the_same_release_differs_in_nothing() -> None:
    one = manifest(leaf_row(A), leaf_row(B))
    answers = StoredAnswers(
        {A: given(q=True), B: given(q=True)}, {A: given(q=True), B: given(q=True)}, given(q=True)
    )
    found = check(compare_releases(one, one, answers, answers))
    assert (found.lost, found.unknown) == ((), 0)
    assert {leaf.change for leaf in found.leaves} == {"same"}
    told = printed(found)
    assert "2 leaves have the same samples and the same marks" in told
    assert "no answer became wrong" in told


def test_manifests_of_earlier_versions_can_be_compared() -> None:
    old = leaf_row(A, 0, 3)
    del old["near_misses"], old["attribution"]
    old["exam"] = {name: old["exam"][name] for name in ("before", "after")}
    before = manifest(old, version=3)
    before["examined"]["retention"] = {"before": 60, "after": 60, "asked": 71}
    before["recipe"] = {"gate": {"new": 0.5}}
    found = check(
        compare_releases(before, {**before, "release": "v2024.11.01.2", "previous": "v2024.11.01.1"})
    )
    [leaf] = found.leaves
    assert (leaf.exam.before, leaf.exam.after, leaf.exam.pairs) == (Mark(0, 5), Mark(3, 5), None)
    assert (leaf.near_before, leaf.near_after) == (None, None)
    assert found.confidence == 0.95


def test_it_is_printed_as_a_table() -> None:
    answers = StoredAnswers({A: given(q=True)}), StoredAnswers({A: given(q=False)})
    before, after = manifest(leaf_row(A, 0, 4), leaf_row(B)), later(leaf_row(A, 4, 3, key=OTHER), leaf_row(C))
    told = printed(compare_releases(before, after, *answers))
    rows = [" ".join(line.replace("│", " ").split()) for line in told.splitlines()]
    assert f"{A} changed held-out 4 of 5 3 of 5 -100 (-100 to +12), questions in both: 1" in rows
    assert f"{B} removed held-out 4 of 5 6 of 6 -> none" in rows
    assert f"{C} added held-out 1 of 5 4 of 5 +60 (+0 to +83) none -> 6 of 6" in rows
    assert "general questions: 60 of 71 -> 59 of 71; -1 (-9 to +6)" in rows
    assert "near misses right, of those that the base answers right: 12 of 12 -> 12 of 12" in rows
    assert f"exam of {A} q yes no" in rows
    assert (
        "the store does not have both models' answers to 2 sets of questions, so these are not compared"
        in rows
    )


@pytest.mark.parametrize("hostile", [*HOSTILE, "[red]x[/red] [/]", "\x1b[31mred"])
def test_hostile_text_is_printed_as_it_is_and_moves_no_cursor(hostile: str) -> None:
    lost = (
        StoredAnswers(general=[Given(hostile, hostile, True)]),
        StoredAnswers(general=[Given(hostile, hostile, False)]),
    )
    told = printed(check(compare_releases(manifest(), later(leaf_row(hostile, created_by=hostile)), *lost)))
    assert "\x1b" not in told
