"""The retention set: enough questions, none twice, and no way to guess the right choice."""

import re
from collections import Counter
from pathlib import Path

import pytest

from bot.core.errors import UserError
from bot.evaluate.near_misses import bank_questions
from bot.evaluate.retention import SHIPPED, retention, retention_hash
from bot.taxonomy.exam_file import exam_of, marking_problems
from bot.taxonomy.parse import parse
from bot.taxonomy.schema import check_exam
from bot.text.overlap import ExamIndex
from bot.text.questions import is_whole_question
from bot.text.words import normal

ITEMS = retention("")
CHOICES = [item for item in ITEMS if item.marking.choices]


def test_there_are_short_answers_and_multiple_choice() -> None:
    assert len(ITEMS) >= 200
    assert len(ITEMS) - len(CHOICES) >= 60
    assert len(CHOICES) >= 140


def test_the_file_is_a_valid_exam() -> None:
    parsed = parse(SHIPPED.read_bytes())
    assert check_exam(parsed) == []
    assert marking_problems(parsed) == []
    assert len(exam_of(parsed.data)) == len(ITEMS)


def test_no_question_is_there_twice_nor_like_another_or_a_near_miss() -> None:
    index = ExamIndex({item.question: {""} for item in ITEMS})
    assert len({normal(item.question) for item in ITEMS}) == len(ITEMS)
    for item in ITEMS:
        assert len(list(index.find(normal(item.question)))) == 1, item.question
        assert is_whole_question(item.question)
    for other in bank_questions():
        assert not list(index.find(normal(other.question))), other.question


def test_each_question_has_four_choices_of_similar_length_and_the_right_one_is_among_them() -> None:
    for item in CHOICES:
        choices = item.marking.choices
        assert len(choices) == len(set(map(normal, choices))) == 4, item.question
        assert item.marking.choice in choices
        assert max(map(len, choices)) <= 2 * min(map(len, choices)) + 2, choices


def test_neither_place_nor_length_betrays_the_right_choice() -> None:
    places = Counter(item.marking.choices.index(item.marking.choice) for item in CHOICES)
    assert all(abs(4 * places[place] - len(CHOICES)) <= len(CHOICES) / 5 for place in range(4))
    longest = sum(
        len(item.marking.choice) > max(len(one) for one in item.marking.choices if one != item.marking.choice)
        for item in CHOICES
    )
    shortest = sum(
        len(item.marking.choice) < min(len(one) for one in item.marking.choices if one != item.marking.choice)
        for item in CHOICES
    )
    assert max(longest, shortest) <= len(CHOICES) / 3


GERMAN = """\
version: 1
questions:
  - question: Wie heißt die Hauptstadt von Frankreich?
    must_contain: [Paris]
  - question: Wie viele Tage hat eine Woche?
    number: 7
"""


def test_a_community_can_ask_its_own_questions_in_its_own_language(tmp_path: Path) -> None:
    file = tmp_path / "allgemein.yaml"
    file.write_text(GERMAN)
    first, second = retention(str(file))
    assert (first.language, first.right("Das ist Paris."), second.right("Sieben.")) == ("de", True, True)
    before = retention_hash(str(file))
    file.write_text(GERMAN.replace("Woche", "ganze Woche"))
    assert len({before, retention_hash(str(file)), retention_hash("")}) == 3


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (GERMAN.replace("number: 7", "number: sieben"), "general.yaml:6:13: "),
        (GERMAN.replace("    number: 7\n", ""), "general.yaml:5:15: this question does not say"),
        ("- a list\n", "general.yaml:1:1: "),
        (None, "evaluate.general: .*general.yaml: No such file or directory; name a file"),
    ],
)
def test_a_mistake_in_the_file_is_one_line_with_its_place(
    tmp_path: Path, content: str | None, told: str
) -> None:
    file = tmp_path / "general.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UserError) as raised:
        retention(str(file))
    assert re.search(told, str(raised.value))
    assert "\n" not in str(raised.value)
