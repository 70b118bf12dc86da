"""Leaves that cannot be read: what a release has of them, by the previous release and the store."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.core.errors import UserError
from bot.core.store import Store
from bot.generate.inputs import SamplesInputs, samples_inputs
from bot.pipeline.origin import Quarantined
from bot.pipeline.quarantine import quarantine
from bot.pipeline.release_inputs import is_released, settings_key
from bot.release.hub import Release
from bot.taxonomy.tree import read_tree_at
from tests import ROOT
from tests.helpers.repository import Repository

RECIPE = load_recipe(ROOT / "arborist.yaml")
ISLAND = "knowledge/geography/islands/velmora"
DAYS = "foundational_skills/reasoning/temporal_reasoning/days_of_the_week"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def release(repository: Repository, store: Store, *kept: str, **changes: Any) -> Release:
    """A release of all leaves of the newest commit, and the samples of some of them in the store."""
    leaves = read_tree_at(repository.path, "HEAD").all()
    for leaf in leaves:
        if leaf.path in kept:
            store.put(SamplesInputs.STEP, samples_inputs(leaf, RECIPE).key, {})
    manifest = {
        "leaves": [{"path": leaf.path} for leaf in leaves],
        "taxonomy": {"commit": repository.git("rev-parse", "HEAD"), "folder": "taxonomy"},
    }
    return Release("lab/model", "v2024.11.01.1", "c" * 40, manifest | changes)


def broken(repository: Repository, *paths: str) -> Any:
    for path in paths:
        repository.write(f"{path}/qna.yaml", "{")
    repository.commit()
    return read_tree_at(repository.path, "HEAD")


def test_where_no_leaf_is_broken_nothing_is_quarantined(repository: Repository, store: Store) -> None:
    tree = read_tree_at(repository.path, "HEAD")
    assert quarantine(repository.path, tree, None, RECIPE, store) == (tree.leaves, ())


def test_a_new_leaf_that_is_broken_is_left_out(repository: Repository, store: Store) -> None:
    released = release(repository, store)
    tree = broken(repository, "knowledge/new")
    leaves, found = quarantine(repository.path, tree, released, RECIPE, store)
    assert leaves == tree.leaves and len(leaves) == 5
    assert [(one.path, one.commit) for one in found] == [("knowledge/new", "")]
    assert "taxonomy/knowledge/new/qna.yaml:2:1: " in found[0].reason


def test_a_released_leaf_keeps_its_samples_if_the_store_has_them(
    repository: Repository, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {leaf.path: leaf for leaf in read_tree_at(repository.path, "HEAD").leaves}
    released, commit = release(repository, store, ISLAND), repository.git("rev-parse", "HEAD")
    tree = broken(repository, ISLAND, DAYS)
    leaves, found = quarantine(repository.path, tree, released, RECIPE, store)
    assert [leaf.path for leaf in leaves] == sorted(before.keys() - {DAYS})
    assert next(leaf for leaf in leaves if leaf.path == ISLAND) == before[ISLAND]
    assert {one.path: one.commit for one in found} == {ISLAND: commit, DAYS: ""}
    said = capsys.readouterr().err
    assert f"quarantined: {ISLAND}: its samples of {commit[:7]} stay in" in said
    assert f"quarantined: {DAYS}: it is left out" in said


def test_a_leaf_that_was_quarantined_before_keeps_what_it_had(repository: Repository, store: Store) -> None:
    commit = repository.git("rev-parse", "HEAD")
    first = release(repository, store, ISLAND)
    tree = broken(repository, ISLAND)
    _, found = quarantine(repository.path, tree, first, RECIPE, store)
    manifest = {
        **first.manifest,
        "taxonomy": {"commit": repository.git("rev-parse", "HEAD"), "folder": "taxonomy"},
        "quarantined": [asdict(one) for one in found],
    }
    again, kept = quarantine(repository.path, tree, replace(first, manifest=manifest), RECIPE, store)
    assert ISLAND in {leaf.path for leaf in again}
    assert [one.commit for one in kept] == [commit]


def test_after_a_change_of_the_recipe_the_old_samples_do_not_fit(
    repository: Repository, store: Store
) -> None:
    released = release(repository, store, ISLAND)
    tree = broken(repository, ISLAND)
    other = replace(RECIPE, seed=RECIPE.seed + 1)
    assert [one.commit for one in quarantine(repository.path, tree, released, other, store)[1]] == [""]


def test_where_main_was_rewritten_the_leaf_is_left_out(repository: Repository, store: Store) -> None:
    released = release(repository, store, ISLAND)
    tree = broken(repository, ISLAND)
    gone = {**released.manifest, "taxonomy": {"commit": "d" * 40}}
    _, found = quarantine(repository.path, tree, replace(released, manifest=gone), RECIPE, store)
    assert [one.commit for one in found] == [""]


def test_a_taxonomy_whose_leaves_are_all_broken_is_an_error(repository: Repository, store: Store) -> None:
    paths = [leaf.path for leaf in read_tree_at(repository.path, "HEAD").leaves]
    released = release(repository, store, *paths)
    with pytest.raises(UserError, match="no leaf can be read"):
        quarantine(repository.path, broken(repository, *paths), released, RECIPE, store)


def test_a_release_with_a_quarantined_leaf_is_never_up_to_date_unseen() -> None:
    """The leaf may be readable by now, though the tree is the same."""
    manifest = {"taxonomy": {"tree": "a" * 40}, "settings": settings_key(RECIPE), "quarantined": []}
    released = Release("lab/model", "v2024.11.01.1", "c" * 40, manifest)
    assert is_released(released, "a" * 40, RECIPE)
    manifest["quarantined"] = [asdict(Quarantined("knowledge/x", "gone"))]
    assert not is_released(released, "a" * 40, RECIPE)
