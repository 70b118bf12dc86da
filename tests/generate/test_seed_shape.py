"""New answers have the shape of the seeds' answers, and a teacher that cannot write them is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.generate.seed_shape import Shape, is_copy, shape_of
from bot.generate.teacher_notes import teacher_notes
from bot.taxonomy.leaf import QA, Seed
from tests.helpers.leaves import skill

SENTENCES = ("It is an old stone tower.", "It was built by nobody.", "It will be closed in May.")
LISTS = tuple(
    f"Three antonyms for {word} are:\n- one\n- two\n- three" for word in ("Attend", "Begin", "Praise")
)
CODE = ("x = 1\ny = 2", "for x in y:\n    print(x)", "import re\n\nprint(re)")
JAPANESE = ("古い石の塔です。", "だれも建てませんでした。", "五月に閉まります。")


def of(*answers: str) -> Shape:
    return shape_of(skill(seeds=tuple(Seed(None, (QA("Do it.", answer),)) for answer in answers)))


@pytest.mark.parametrize(
    ("seeds", "answer"),
    [
        (LISTS, "Three antonyms for Expand are"),
        (LISTS, "Three antonyms for Expand are:"),
        (LISTS, "shrink, contract, reduce"),
        (SENTENCES, "It is an old"),
        (SENTENCES, "It is an old stone tower, and this is why:"),
        (JAPANESE, "古い石の塔で"),
        (CODE, "for x in y:"),
    ],
)
def test_an_answer_that_breaks_off_is_cut(seeds: tuple[str, ...], answer: str) -> None:
    assert of(*seeds).is_cut(answer)


@pytest.mark.parametrize(
    ("seeds", "answer", "said"),
    [
        (SENTENCES, "It is old.\nIt is grey.", "2 lines"),
        (SENTENCES, "It is old. " * 30, "characters"),
        (SENTENCES, "Old.", "4 characters"),
        (SENTENCES, "- It is an old stone tower.", "a list"),
        (LISTS, "The antonyms are these:\none\ntwo\nthree", "no list"),
        (LISTS, "Three antonyms:\n" + "- one\n" * 20, "21 lines"),
        (JAPANESE, "1. 古い石の塔です。", "a list"),
    ],
)
def test_an_answer_of_another_shape_is_told(seeds: tuple[str, ...], answer: str, said: str) -> None:
    assert said in of(*seeds).misfit(answer)


@pytest.mark.parametrize(
    ("seeds", "answer"),
    [
        (SENTENCES, "It is a new wooden house."),
        (LISTS, "Three antonyms for Expand are:\n* shrink\n* contract\n* reduce"),
        (CODE, "import os\nprint(os)"),
        (("Yes", "No", "Maybe"), "Perhaps not"),
        (JAPANESE, "新しい木の家です。"),
    ],
)
def test_an_answer_like_the_seeds_fits(seeds: tuple[str, ...], answer: str) -> None:
    assert not of(*seeds).is_cut(answer)
    assert of(*seeds).misfit(answer) == ""


@given(st.lists(st.text(min_size=1), min_size=1, max_size=8))
def test_the_seeds_fit_their_own_shape(answers: list[str]) -> None:
    shape = of(*answers)
    for answer in answers:
        assert not shape.is_cut(answer)
        assert shape.misfit(answer) == ""


def test_two_seeds_say_nothing_of_the_shape() -> None:
    assert of("Yes.", "No.").misfit("A\nlong\nlist") == ""


@pytest.mark.parametrize(
    ("answer", "question", "copied"),
    [
        ("The chairman spoke well.", "Make it inclusive: The chairman spoke well.", True),
        ("the CHAIRMAN spoke well", "Make it inclusive: The chairman spoke well.", True),
        ("The chairperson spoke well.", "Make it inclusive: The chairman spoke well.", False),
        ("blue", "Is it red or blue?", False),
        ("Die Lehrer lesen gern.", "Gendere: Die Lehrer lesen gern.", True),
    ],
)
def test_a_copy_is_the_task_itself(answer: str, question: str, copied: bool) -> None:
    assert is_copy(answer, question, "") is copied
    assert is_copy(answer, "Make it inclusive.", question) is copied


@pytest.mark.parametrize(
    ("dropped", "accepted", "notes"),
    [
        ({"cut": 36}, 4, ["This teacher's answers are cut: 36 of 40."]),
        ({"cut": 36, "earlier": 60, "same": 3}, 4, ["This teacher's answers are cut: 36 of 40."]),
        ({"unchanged": 5}, 5, ["This teacher's answers repeat the task: 5 of 10."]),
        ({"cut": 4}, 36, []),
        ({"cut": 2}, 0, []),
        ({"relevance": 6}, 0, ["No sample came from the teacher: all 6 candidates were dropped."]),
        ({}, 0, []),
    ],
)
def test_whether_the_teacher_suits_the_leaf_is_said(
    dropped: dict[str, int], accepted: int, notes: list[str]
) -> None:
    assert teacher_notes(dropped, accepted) == notes
