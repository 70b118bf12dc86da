"""Licences: which stop a training, which the card mentions, and which are not judged."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.config.recipe import LICENCES, Recipe
from bot.core.errors import UserError
from bot.pipeline.compare import compare
from bot.release.licences import (
    base_model_licence,
    check_licences,
    licence_conflicts,
    what_it_asks,
)
from bot.taxonomy.leaf import Leaf, Work
from bot.taxonomy.tree import load_tree
from tests import ROOT
from tests.helpers.leaves import knowledge

RECIPE = load_recipe(ROOT / "arborist.yaml")


def recipe(**release: str) -> Recipe:
    return replace(RECIPE, release=replace(RECIPE.release, **release))


def leaf(*licences: str, path: str = "knowledge/clocks/corvane") -> Leaf:
    return knowledge(path=path, attribution=tuple(Work("A work", licence=one) for one in licences))


@pytest.mark.parametrize(
    ("licence", "release", "asks"),
    [
        ("CC-BY-4.0", "apache-2.0", "nothing"),
        ("CC0-1.0", "llama2", "nothing"),
        ("LicenseRef-Public-Domain", "mit", "nothing"),
        ("(MIT OR Apache-2.0)", "cc-by-nc-4.0", "nothing"),
        ("CC-BY-SA-4.0", "apache-2.0", "share-alike"),
        ("CC-BY-SA-4.0", "cc-by-sa-4.0", "nothing"),
        ("CC-BY-SA-4.0", "gpl-3.0", "nothing"),
        ("GPL-3.0-or-later", "cc-by-sa-4.0", "share-alike"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "gpl-2.0", "nothing"),
        ("CC-BY-NC-4.0", "apache-2.0", "condition"),
        ("CC-BY-NC-4.0", "cc-by-nc-4.0", "nothing"),
        ("CC-BY-ND-4.0", "cc-by-nc-4.0", "condition"),
        ("CC-BY-ND-4.0", "cc-by-nd-4.0", "condition"),
        ("CC-BY-SA-4.0 AND CC-BY-NC-4.0", "cc-by-sa-4.0", "condition"),
        ("MIT OR Something-Else", "apache-2.0", "unknown"),
        ("All rights reserved", "apache-2.0", "unknown"),
        ("", "apache-2.0", "unknown"),
        ("openrail++", "openrail++", "nothing"),
    ],
)
def test_a_licence_and_a_release(licence: str, release: str, asks: str) -> None:
    assert what_it_asks(licence, release) == asks


def test_what_lint_allows_by_default_stops_no_release() -> None:
    check_licences([leaf(*LICENCES)], recipe())
    assert "unknown" not in {what_it_asks(licence, "apache-2.0") for licence in LICENCES}


@pytest.mark.parametrize(
    "name", ["arborist.yaml", *sorted(f"recipes/{p.name}" for p in (ROOT / "recipes").iterdir())]
)
def test_each_shipped_recipe_may_release_the_seed_taxonomy(name: str) -> None:
    assert licence_conflicts(load_tree(ROOT / "taxonomy"), load_recipe(ROOT / name)) == []


@pytest.mark.parametrize(
    ("licences", "release", "message"),
    [
        (
            ["CC-BY-NC-4.0"],
            {},
            "nothing is trained: taxonomy/knowledge/clocks/corvane/attribution.txt: CC-BY-NC-4.0 does not "
            "allow a release under apache-2.0; set `release.license: cc-by-nc-4.0` in arborist.yaml, or take "
            "the content from a work under another licence",
        ),
        (
            ["CC-BY-ND-4.0"],
            {},
            "CC-BY-ND-4.0 allows no release of what is made from the work; take the content from a work "
            "under another licence, or delete the leaf",
        ),
        (
            ["CC-BY-SA-4.0"],
            {"share_alike": "strict"},
            "CC-BY-SA-4.0 asks for the same licence, and the release has apache-2.0; set `release.license: "
            "cc-by-sa-4.0` or `release.share_alike: note` in arborist.yaml",
        ),
    ],
)
def test_a_conflict_is_one_line_with_both_ways_out(
    licences: list[str], release: dict[str, str], message: str
) -> None:
    with pytest.raises(UserError) as told:
        check_licences([leaf("MIT"), leaf(*licences)], recipe(**release))
    assert message in str(told.value)
    assert "\n" not in str(told.value)


def test_several_leaves_are_named() -> None:
    leaves = [leaf("CC-BY-ND-4.0", path=f"knowledge/{name}") for name in "abcdefgh"]
    with pytest.raises(UserError, match=r"knowledge/a/.*; the same holds for knowledge/b, .*/f and others$"):
        check_licences(leaves, recipe())


def test_share_alike_is_only_noted_unless_the_recipe_is_strict() -> None:
    [conflict] = licence_conflicts([leaf("CC-BY-SA-4.0")], recipe())
    assert not conflict.refused
    assert conflict.reason.endswith("and the release has apache-2.0; the model card says so")
    assert (
        licence_conflicts([leaf("CC-BY-SA-4.0")], recipe(license="cc-by-sa-4.0", share_alike="strict")) == []
    )


@pytest.mark.parametrize(
    ("model", "licence"),
    [
        ("embedded", "apache-2.0"),
        ("meta-llama/Llama-2-13b-hf", "llama2"),
        (f"meta-llama/Llama-3.1-8B@{'a' * 40}", "llama3.1"),
        ("nobody/knows", ""),
    ],
)
def test_the_licence_of_a_base_model(model: str, licence: str) -> None:
    assert base_model_licence(model) == licence


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: gemma\n---\n# A model", "gemma"),
        ("---\nlicense: [mit, gemma]\n---\n", ""),
        ("---\nlicense: [unclosed\n---\n", ""),
        ("# A model\nlicense: gemma\n", ""),
    ],
)
def test_the_licence_of_a_base_model_in_a_folder_is_in_its_card(
    tmp_path: Path, card: str, licence: str
) -> None:
    (tmp_path / "README.md").write_text(card)
    assert base_model_licence(str(tmp_path)) == licence


def test_a_base_model_that_does_not_allow_the_release_stops_it(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nlicense: llama3\n---\n")
    changed: Any = replace(RECIPE, student=replace(RECIPE.student, model=str(tmp_path)))
    with pytest.raises(
        UserError, match=r"llama3 does not allow .* set `release.license: llama3` .*another student$"
    ):
        check_licences([], changed)


def test_retraining_stops_before_a_gpu_runner_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.pipeline.compare.latest_release", lambda _: None)
    with pytest.raises(UserError, match="nothing is trained"):
        compare([leaf("CC-BY-NC-4.0")], RECIPE)
