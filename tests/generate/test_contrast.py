"""Contrast: a leaf's questions about other subjects, answered by the student as before."""

from pathlib import Path

import pytest

from bot.core.store import Store
from bot.evaluate.near_misses import near_misses
from bot.generate import general_replay
from bot.generate.contrast import MOST, contrast_questions, contrast_samples, most_questions
from bot.taxonomy.files import DiskFiles
from bot.taxonomy.leaf import Leaf
from bot.taxonomy.tree import load_leaf
from tests import ROOT
from tests.helpers.languages import japanese
from tests.helpers.leaves import knowledge, skill

STUDENT = "embedded"


@pytest.fixture
def velmora() -> Leaf:
    return load_leaf(DiskFiles(ROOT / "taxonomy"), "knowledge/geography/islands/velmora")


def test_the_seeds_questions_are_asked_about_other_subjects(velmora: Leaf) -> None:
    questions = contrast_questions(velmora)
    assert len(questions) == len(set(questions)) <= most_questions(velmora) <= MOST
    assert not any("Velmora" in question for question in questions)
    assert any("Norway" in question for question in questions)


def test_none_of_them_is_a_near_miss_of_the_exam(velmora: Leaf) -> None:
    asked = {item.question for item in near_misses(velmora)}
    assert asked.isdisjoint(contrast_questions(velmora))


def test_what_another_leaf_teaches_is_no_other_subject(velmora: Leaf) -> None:
    assert not any("Norway" in question for question in contrast_questions(velmora, {"Norway"}))


def test_a_subject_in_katakana_is_replaced() -> None:
    assert any("ノルウェー" in question for question in contrast_questions(japanese()))


@pytest.mark.parametrize("leaf", [skill(), knowledge(seeds=())])
def test_a_leaf_without_a_subject_has_none(leaf: Leaf) -> None:
    assert contrast_questions(leaf) == []


def test_the_answers_of_an_unchanged_leaf_come_from_the_store(
    velmora: Leaf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def echo(*_: object) -> object:
        return lambda prompts: asked.extend(prompts) or [f"{prompt} I do not know." for prompt in prompts]

    monkeypatch.setattr(general_replay, "own_answers", echo)
    store = Store(str(tmp_path))
    first = contrast_samples([velmora], STUDENT, store, batch=8)
    assert [sample.messages[0][1] for sample in first] == asked == contrast_questions(velmora)
    assert {(sample.kind, sample.leaf) for sample in first} == {("general", "")}
    other = knowledge(path="knowledge/a")
    again = contrast_samples([velmora, other], STUDENT, store, batch=8)
    assert again[-len(first) :] == first
    assert asked[len(first) :] == contrast_questions(other) != []
