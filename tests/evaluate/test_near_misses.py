"""Near misses: which questions about other subjects a leaf is held against, and what a right answer is."""

import pytest

from bot.evaluate.near_misses import FOLDER, OF_EACH_KIND, bank_of, bank_questions, near_misses
from bot.pipeline.exclude import exam_questions
from bot.taxonomy.files import DiskFiles
from bot.taxonomy.leaf import QA, ExamQuestion, Leaf, Seed
from bot.taxonomy.tree import load_leaf
from bot.text.language import known_codes
from bot.text.mark_answer import Marking
from tests import ROOT
from tests.helpers.languages import german, japanese
from tests.helpers.leaves import knowledge, skill


def seed_leaf(path: str) -> Leaf:
    return load_leaf(DiskFiles(ROOT / "taxonomy"), path)


def test_an_exam_question_about_another_subject_is_wrong_with_the_leafs_fact() -> None:
    first = near_misses(seed_leaf("knowledge/geography/islands/velmora"))[0]
    assert first.question == "Iceland is surrounded by the waters of which sea?"
    assert first.right("The Norwegian Sea.")
    assert not first.right("It is surrounded by the Sundrel Sea.")


def test_a_subject_in_lower_case_is_replaced_by_a_thing_and_a_sentence_begins_with_a_capital() -> None:
    questions = [item.question for item in near_misses(seed_leaf("knowledge/science/minerals/tessarite"))]
    assert "Granite has been known since which year?" in questions
    assert not any("tessarite" in question.lower() for question in questions)


def test_shipped_questions_are_those_most_like_the_leafs() -> None:
    questions = [item.question for item in near_misses(seed_leaf("knowledge/geography/islands/velmora"))]
    assert "With which currency do people pay in the shops of India?" in questions
    notices = near_misses(seed_leaf("compositional_skills/writing/freeform/library_notices"))
    assert notices[0].question == "Write a notice that the shop is closed on Sunday."


def test_a_leaf_without_an_exam_is_held_against_its_seeds() -> None:
    pairs = tuple(
        QA(f"{word} does Velmora trade?", "Velmora trades amber.") for word in ("What", "How", "When")
    )
    first = near_misses(knowledge(seeds=(Seed("Velmora trades amber.", pairs),), exam=()))[0]
    assert first.question == "What does Iceland trade?"
    assert first.right("Fish.")
    assert not first.right("Amber.")


def test_another_name_in_the_leaf_is_no_other_subject() -> None:
    pairs = tuple(
        QA(f"{word} do ships go from Velmora to Iceland?", "Often.") for word in ("Why", "How", "When")
    )
    leaf = knowledge(
        seeds=(Seed("Ships go.", pairs),), exam=(ExamQuestion("Where is Velmora?", Marking((("north",),))),)
    )
    assert near_misses(leaf)[0].question == "Where is Malta?"


@pytest.mark.parametrize(("leaf", "code"), [(german(), "de"), (japanese(), "ja"), (skill(), "en")])
def test_near_misses_are_in_the_leafs_language(leaf: Leaf, code: str) -> None:
    found = near_misses(leaf)
    assert {item.language for item in found} == {code}
    assert set(bank_of(code).questions) & set(found)


def test_a_leaf_in_a_language_without_a_file_has_none() -> None:
    pairs = tuple(
        QA(f"Кто построил часы {n}?", "Часы построил мастер.") for n in ("в городе", "на башне", "здесь")
    )
    leaf = knowledge(description="Часы", seeds=(Seed("Часы построил мастер.", pairs),), documents=(), exam=())
    assert near_misses(leaf) == []


def test_no_leaf_has_many() -> None:
    for path in (
        "knowledge/geography/islands/velmora",
        "compositional_skills/writing/freeform/library_notices",
    ):
        assert 1 <= len(near_misses(seed_leaf(path))) <= 2 * OF_EACH_KIND


def test_every_known_language_has_well_formed_questions_that_nobody_is_trained_on() -> None:
    assert {file.stem for file in FOLDER.glob("*.yaml")} == set(known_codes())
    questions = bank_questions()
    assert len({item.question for item in questions}) == len(questions)
    assert all(item.marking != Marking() for item in questions)
    assert {item.question for item in questions} <= exam_questions([], []).keys()
    assert not any(item.right("") for item in questions)
