"""The plan: what merging would generate and reuse, from what an unprivileged job hands over."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.core.errors import UserError
from bot.core.store import Store
from bot.generate.inputs import all_samples_inputs
from bot.github.render import render
from bot.pipeline.plan import Plan, PlannedLeaf, read_plan, summarize
from bot.release.licences import Conflict
from bot.taxonomy.tree import BrokenLeaf
from tests import ROOT
from tests.helpers.locked_store import LOCKED

HEAD = "c" * 40
OLD, NEW = "1" * 64, "2" * 64


def plan(*leaves: PlannedLeaf, same: int = 0) -> Plan:
    return Plan(7, HEAD, leaves, same, "b" * 40, "main")


def test_a_plan_comes_back_as_it_was_handed_over() -> None:
    made = plan(PlannedLeaf("knowledge/a", "added", NEW), PlannedLeaf("knowledge/b", "deleted", ""), same=3)
    made = replace(made, licences=(Conflict("knowledge/a", "CC-BY-NC-4.0 does not allow it", True),))
    assert read_plan(json.loads(json.dumps(made.to_json()))) == made


def test_the_exam_of_a_leaf_says_whether_it_is_set_apart(tmp_path: Path) -> None:
    leaves = (
        PlannedLeaf("a", "added", NEW, 12),
        PlannedLeaf("b", "added", NEW, 4, set_apart=True),
        PlannedLeaf("c", "added", NEW),
    )
    shown = summarize(plan(*leaves), load_recipe(ROOT / "arborist.yaml"), Store(str(tmp_path)))
    assert [leaf["exam"] for leaf in shown["changed"]] == [
        *("12 held-out questions", "4 of its own examples, set apart", "none")
    ]
    comment = render("plan", planned=shown)
    assert "some of its own examples are set apart as its exam" in comment
    assert read_plan(json.loads(json.dumps(plan(*leaves).to_json()))) == plan(*leaves)


def test_a_changed_leaf_is_generated_unless_its_samples_are_in_the_store(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.put("samples", OLD, {}, {})
    recipe = load_recipe(ROOT / "arborist.yaml")

    shown = summarize(plan(PlannedLeaf("a", "changed", OLD), PlannedLeaf("b", "added", NEW)), recipe, store)

    assert shown["to_generate"] == recipe.generate.samples
    assert [(leaf["path"], leaf["samples"]) for leaf in shown["changed"]] == [
        ("a", "reused from the store"),
        ("b", f"{recipe.generate.samples} to generate"),
    ]


def test_the_rest_is_reused_once_a_run_has_had_all_samples_by_this_recipe(tmp_path: Path) -> None:
    store, recipe = Store(str(tmp_path)), load_recipe(ROOT / "arborist.yaml")
    changing = plan(PlannedLeaf("b", "added", NEW), same=5)
    before = summarize(changing, recipe, store)
    assert (before["reused"], before["unknown"], before["total"]) == (0, 5, 6)
    all_there = all_samples_inputs(recipe)
    store.put(all_there.STEP, all_there.key, {})
    after = summarize(changing, recipe, store)
    assert (after["reused"], after["unknown"], after["total"]) == (5, 0, 6)
    other = replace(recipe, seed=recipe.seed + 1)
    assert summarize(changing, other, store)["unknown"] == 5


def test_where_the_store_cannot_be_read_the_plan_says_so_and_is_told_all_the_same() -> None:
    planned = summarize(
        plan(PlannedLeaf("a", "added", NEW), same=3), load_recipe(ROOT / "arborist.yaml"), Store(LOCKED)
    )
    text = render("plan", planned=planned)
    assert "| a | added | up to 40 to generate |" in text
    assert "Unable to locate credentials" in text
    assert planned["unknown"] == 3


def test_a_deleted_leaf_is_unlearnt(tmp_path: Path) -> None:
    recipe = load_recipe(ROOT / "arborist.yaml")
    shown = summarize(plan(PlannedLeaf("b", "deleted", "")), recipe, Store(str(tmp_path)))
    assert shown["changed"][0]["samples"] == "unlearnt: not in the next model"
    assert shown["total"] == 0


GOOD: dict[str, Any] = {
    "version": 1,
    "pull": 7,
    "head": HEAD,
    "base": "b" * 40,
    "base_ref": "main",
    "same": 3,
    "leaves": [{"path": "a", "change": "added", "key": NEW}],
}


@pytest.mark.parametrize(
    "hostile",
    [
        None,
        [],
        "text",
        {**GOOD, "pull": "7; rm -rf"},
        {**GOOD, "pull": 0},
        {**GOOD, "head": "main"},
        {**GOOD, "base": "main"},
        {**GOOD, "base_ref": "two words"},
        {**GOOD, "extra": 1},
        {**GOOD, "base": "main"},
        {**GOOD, "base_ref": "main\nx"},
        {**GOOD, "same": -1},
        {**GOOD, "leaves": [{"path": "a", "change": "added", "key": "../../etc"}]},
        {**GOOD, "leaves": [{"path": "a" * 501, "change": "added", "key": NEW}]},
        {**GOOD, "leaves": [{"path": "a", "change": "evil", "key": NEW}]},
    ],
)
def test_a_plan_that_is_not_as_the_schema_says_is_refused(hostile: object) -> None:
    assert read_plan(GOOD)
    with pytest.raises(UserError, match=r"plan\.json"):
        read_plan(hostile)


@pytest.mark.parametrize("others", [(), (PlannedLeaf("knowledge/a", "added", NEW),)])
def test_a_plan_names_every_changed_leaf_that_cannot_be_read(
    tmp_path: Path, others: tuple[PlannedLeaf, ...]
) -> None:
    broken = tuple(BrokenLeaf(f"knowledge/b{n}", f"b{n}/qna.yaml:1:1: <b>odd</b>; fix it") for n in range(22))
    made = replace(plan(*others), broken=broken)
    assert read_plan(json.loads(json.dumps(made.to_json()))) == made
    recipe = load_recipe(ROOT / "arborist.yaml")
    text = render("plan", planned=summarize(made, recipe, Store(str(tmp_path))))
    assert "These changed leaves cannot be read, so a release would not contain them:" in text
    assert text.count("\n- knowledge/b") == 20 and "\n- and 2 more" in text
    assert "<b>" not in text
    assert "changes no leaf" not in text


def test_a_plan_of_an_older_version_has_no_broken_leaves_and_no_licences() -> None:
    assert read_plan(GOOD).broken == ()
    assert read_plan(GOOD).licences == ()


@pytest.mark.parametrize(
    "broken", [[{"path": "a"}], [{"path": "", "reason": "x"}], {}, [{"path": "a" * 501, "reason": ""}]]
)
def test_broken_leaves_that_are_not_as_the_schema_says_are_refused(broken: object) -> None:
    with pytest.raises(UserError, match=r"plan\.json: broken"):
        read_plan({**GOOD, "broken": broken})
