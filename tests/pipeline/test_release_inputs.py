"""What a retraining compares first: the taxonomy's tree and the settings in the newest release's manifest."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.pipeline.release_inputs import is_released, settings_key
from bot.release.hub import Release
from bot.taxonomy.changes import tree_id
from tests import ROOT

RECIPE = load_recipe(ROOT / "arborist.yaml")
TREE = "a" * 40


def release(**changes: Any) -> Release:
    manifest = {"taxonomy": {"tree": TREE}, "settings": settings_key(RECIPE)}
    return Release("lab/model", "v2024.11.01.1", "c" * 40, manifest | changes)


def test_the_same_tree_by_the_same_settings_is_released() -> None:
    assert is_released(release(), TREE, RECIPE)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 7},
        {"generate": replace(RECIPE.generate, samples=1)},
        {"teacher": replace(RECIPE.teacher, temperature=0.1)},
        {"train": replace(RECIPE.train, neurons=64)},
        {"gate": replace(RECIPE.gate, new=0.9)},
    ],
)
def test_another_recipe_is_not(changes: dict[str, Any]) -> None:
    assert not is_released(release(), TREE, replace(RECIPE, **changes))


def test_another_tree_or_an_older_manifest_or_none_is_not() -> None:
    assert not is_released(release(), "b" * 40, RECIPE)
    assert not is_released(release(), "", RECIPE)
    assert not is_released(release(taxonomy={}), TREE, RECIPE)
    assert not is_released(None, TREE, RECIPE)


def test_a_trees_hash_is_gits_and_changes_with_any_file(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
        done = subprocess.run(["git", "-C", tmp_path, *who, *arguments], capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q")
    (tmp_path / "README.md").write_text("x")
    git("add", "-A")
    git("commit", "-q", "-m", "no taxonomy")
    assert tree_id(tmp_path, "HEAD") == ""
    (tmp_path / "taxonomy").mkdir()
    (tmp_path / "taxonomy" / "document.md").write_text("x")
    git("add", "-A")
    git("commit", "-q", "-m", "a document")
    assert tree_id(tmp_path, "HEAD") == git("rev-parse", "HEAD:taxonomy")
