"""The retention set: enough questions, none twice, and no way to guess the right choice."""

from collections import Counter

from bot.evaluate.exams import RETENTION, retention
from bot.evaluate.near_misses import bank_questions
from bot.taxonomy.exam_file import exam_of, marking_problems
from bot.taxonomy.parse import parse
from bot.taxonomy.schema import check_exam
from bot.text.overlap import ExamIndex
from bot.text.questions import is_whole_question
from bot.text.words import normal

ITEMS = retention()
CHOICES = [item for item in ITEMS if item.marking.choices]


def test_there_are_short_answers_and_multiple_choice() -> None:
    assert len(ITEMS) >= 200
    assert len(ITEMS) - len(CHOICES) >= 60
    assert len(CHOICES) >= 140


def test_the_file_is_a_valid_exam() -> None:
    parsed = parse(RETENTION.read_bytes())
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
