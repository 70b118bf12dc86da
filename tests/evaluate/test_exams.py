"""Which questions are asked, and how a leaf without an exam is examined."""

from dataclasses import fields
from typing import Any

import pytest

from bot.evaluate.examine import ExamInputs
from bot.evaluate.exams import ExamItem, exam_of
from bot.evaluate.retention import retention
from bot.pipeline.exclude import exam_questions
from bot.text.mark_answer import Marking
from tests.helpers.leaves import knowledge, skill


def test_a_leaf_is_asked_its_held_out_questions() -> None:
    (item,) = exam_of(knowledge())
    assert item.question == "Name the maker of the Corvane clock."
    assert item.right("It was Petra Osgood.")
    assert not item.right("It was Petra Osgoodson.")


def test_without_an_exam_its_seeds_are_asked_and_half_of_what_the_answer_adds_is_enough() -> None:
    items = exam_of(knowledge(exam=()))
    assert [item.question for item in items][1] == "Who made the Corvane clock?"
    assert items[1].right("Osgood did.")
    assert not items[1].right("Nobody made the Corvane clock.")


def test_without_an_exam_an_answer_of_little_words_alone_is_wanted_whole() -> None:
    item = ExamItem("Is a whale a fish?", expected="No.")
    assert item.right("No, it is not.")
    assert not item.right("Yes.")
    assert not item.right("")


def test_the_question_of_a_grounded_skill_comes_with_its_context() -> None:
    leaf = skill(grounded=True, seeds=knowledge().seeds)
    assert "face of green slate" in exam_of(leaf)[0].question


@pytest.mark.parametrize(
    "other",
    [
        {"must_contain": (("Oru",),)},
        {"any_of": ("Oru",)},
        {"none_of": ("Oru",)},
        {"number": 12.5},
        {"tolerance": 0.5},
        {"matches": "Oru"},
        {"choices": ("Oru", "Tamm")},
        {"choice": "Oru"},
        {"judge": "That it is Oru."},
    ],
    ids=lambda other: next(iter(other)),
)
def test_every_condition_is_part_of_the_key(other: dict[str, Any]) -> None:
    plain, changed = (ExamItem("Which island?", marking) for marking in (Marking(), Marking(**other)))
    assert ExamInputs("model", [plain], 8).key != ExamInputs("model", [changed], 8).key
    assert {one.name for one in fields(Marking)} == {
        *("must_contain", "any_of", "none_of", "number", "tolerance", "matches", "choices", "choice", "judge")
    }


def test_nobody_is_trained_on_exams_or_on_the_retention_set() -> None:
    texts = exam_questions([knowledge(), skill()], retention(""))
    assert "Name the maker of the Corvane clock." in texts
    assert {item.question for item in retention("")} < texts.keys()
