"""Exam questions that a judge marks: their keys, and what happens if the recipe names no judge."""

import pytest

from bot.config.recipe import EvaluateRecipe, JudgeRecipe
from bot.core.errors import UserError
from bot.core.step import plain
from bot.evaluate.examine import exam_inputs
from bot.evaluate.exams import ExamItem
from bot.evaluate.judge import check_judge, judged
from bot.evaluate.near_misses import near_misses
from bot.taxonomy.leaf import ExamQuestion
from bot.text.mark_answer import Marking
from tests.helpers.leaves import knowledge

ITEM = ExamItem("Why do no ships come to Oru?", Marking(judge="That the harbour silted up."))
QUESTION = ExamQuestion(ITEM.question, ITEM.marking)


def test_another_judge_gives_other_keys() -> None:
    first, second = (EvaluateRecipe(judge=JudgeRecipe(name, "openai", "http://x")) for name in "ab")
    assert exam_inputs("model", [ITEM], first).key != exam_inputs("model", [ITEM], second).key
    open_one = ExamItem("Where?", Marking((("Oru",),)))
    keys = {exam_inputs("model", [open_one], wanted).key for wanted in (first, second, EvaluateRecipe())}
    assert len(keys) == 1
    assert "judge" not in str(plain(open_one)), "keys of exams without a judge stay as they were"


def test_without_a_judge_nothing_is_trained_and_no_such_exam_is_asked() -> None:
    wanted, leaf = EvaluateRecipe(), knowledge(exam=(QUESTION,))
    with pytest.raises(
        UserError, match=r"knowledge/clocks/corvane/exam\.yaml: question 1 is to be marked by"
    ):
        check_judge([leaf], wanted)
    with pytest.raises(UserError, match=r"name a model in evaluate\.judge"):
        exam_inputs("model", [ITEM], wanted)
    check_judge([knowledge()], wanted)
    check_judge([leaf], EvaluateRecipe(judge=JudgeRecipe("embedded")))
    assert judged([ITEM], EvaluateRecipe(judge=JudgeRecipe("embedded")))[0].judged_by


def test_it_has_no_near_misses() -> None:
    assert not [item for item in near_misses(knowledge(exam=(QUESTION,))) if item.marking.judge]
