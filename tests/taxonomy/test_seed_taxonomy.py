"""The taxonomy of this repository and the leaf that the demo contributes."""

import shutil
from pathlib import Path

import pytest
import yaml

from bot.config.load import load_recipe
from bot.lint import lint_tree
from bot.taxonomy.leaf import Leaf
from bot.taxonomy.tree import load_tree
from tests import ROOT

HERE = Path(__file__).parents[2]
SETTINGS = load_recipe(ROOT / "arborist.yaml").lint
DEMO = HERE / "localworld/demo/leaf"
MISTAKE = yaml.safe_load((DEMO / "mistake.yaml").read_text())


def demo_tree(root: Path) -> Path:
    """A taxonomy's folder that holds the demo's leaf only."""
    place = root / "taxonomy" / MISTAKE["path"]
    shutil.copytree(DEMO, place, ignore=shutil.ignore_patterns("mistake.yaml", MISTAKE["broken"]))
    return root / "taxonomy"


@pytest.fixture
def leaves(tmp_path: Path) -> list[Leaf]:
    return [*load_tree(HERE / "taxonomy"), *load_tree(demo_tree(tmp_path))]


def test_the_taxonomy_is_clean() -> None:
    assert lint_tree(HERE / "taxonomy", settings=SETTINGS).findings == []


def test_it_holds_every_kind_of_leaf(leaves: list[Leaf]) -> None:
    kinds = [(leaf.kind, leaf.grounded) for leaf in leaves]
    assert kinds.count(("knowledge", False)) >= 2
    assert {("compositional", True), ("compositional", False), ("foundational", False)} <= set(kinds)


def test_every_leaf_has_an_exam_of_its_own(leaves: list[Leaf]) -> None:
    for leaf in leaves:
        assert len(leaf.exam) >= (10 if leaf.kind == "knowledge" else 4), leaf.path
        seeds = {qa.question for seed in leaf.seeds for qa in seed.pairs}
        assert not seeds & {question.question for question in leaf.exam}


def test_what_knowledge_exams_ask_for_stands_in_the_document_and_not_in_the_question(
    leaves: list[Leaf],
) -> None:
    for leaf in (leaf for leaf in leaves if leaf.kind == "knowledge"):
        text = leaf.documents[0].text.casefold()
        for question in leaf.exam:
            for alternatives in question.marking.must_contain:
                assert any(word.casefold() in text for word in alternatives), question
                assert not any(word.casefold() in question.question.casefold() for word in alternatives), (
                    question
                )


def test_the_demo_s_leaf_is_new_and_clean(tmp_path: Path) -> None:
    assert lint_tree(demo_tree(tmp_path), settings=SETTINGS).findings == []
    assert not (HERE / "taxonomy" / MISTAKE["path"]).exists()


def test_the_demo_s_first_push_has_the_mistake_that_it_says(tmp_path: Path) -> None:
    root = demo_tree(tmp_path)
    shutil.copy(DEMO / MISTAKE["broken"], root / MISTAKE["path"] / "qna.yaml")
    [finding] = lint_tree(root, settings=SETTINGS).findings
    assert (finding.line, finding.column, finding.rule) == (
        MISTAKE["line"],
        MISTAKE["column"],
        MISTAKE["rule"],
    )
    assert MISTAKE["fix"] in finding.help
