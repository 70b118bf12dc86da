"""The plan: what merging would generate and reuse, from what an unprivileged job hands over."""

from pathlib import Path
from typing import Any

import pytest

from bot.errors import UserError
from bot.plan import Plan, PlannedLeaf, read_plan, summarize
from bot.recipe import ROOT, load_recipe
from bot.store import Store

HEAD = "c" * 40
OLD, NEW = "1" * 64, "2" * 64


def plan(*leaves: PlannedLeaf) -> Plan:
    return Plan(7, HEAD, leaves, HEAD, "main")


def test_a_plan_comes_back_as_it_was_handed_over() -> None:
    made = plan(PlannedLeaf("knowledge/a", "added", NEW), PlannedLeaf("knowledge/b", "deleted", ""))
    assert read_plan(made.to_json() | {"leaves": [vars(leaf) for leaf in made.leaves]}) == made


def test_a_changed_leaf_is_generated_and_the_rest_is_taken_from_the_store(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.put("samples", OLD, {}, {})
    recipe = load_recipe(ROOT / "arborist.yaml")

    shown = summarize(plan(PlannedLeaf("a", "same", OLD), PlannedLeaf("b", "added", NEW)), recipe, store)

    assert shown["reused"] == 1
    assert shown["to_generate"] == recipe.generate.samples
    assert [(leaf["path"], leaf["change"]) for leaf in shown["changed"]] == [("b", "added")]
    assert shown["seconds"] > 0


def test_a_deleted_leaf_is_unlearnt(tmp_path: Path) -> None:
    recipe = load_recipe(ROOT / "arborist.yaml")
    shown = summarize(plan(PlannedLeaf("b", "deleted", "")), recipe, Store(str(tmp_path)))
    assert shown["changed"][0]["samples"] == "unlearnt: not in the next model"
    assert shown["total"] == 0


GOOD: dict[str, Any] = {
    "version": 1,
    "pull": 7,
    "head": HEAD,
    "base": HEAD,
    "base_ref": "main",
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
        {**GOOD, "leaves": [{"path": "a", "change": "added", "key": "../../etc"}]},
        {**GOOD, "leaves": [{"path": "a" * 501, "change": "added", "key": NEW}]},
        {**GOOD, "leaves": [{"path": "a", "change": "evil", "key": NEW}]},
    ],
)
def test_a_plan_that_is_not_as_the_schema_says_is_refused(hostile: object) -> None:
    assert read_plan(GOOD)
    with pytest.raises(UserError, match=r"plan\.json"):
        read_plan(hostile)
