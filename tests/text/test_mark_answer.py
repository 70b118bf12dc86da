"""How an exam question marks an answer, condition by condition."""

import time

import pytest

from bot.taxonomy.tree import load_tree
from bot.text.answer_pattern import found_in, pattern_mistake
from bot.text.language import language
from bot.text.mark_answer import Marking, is_right
from tests import ROOT

ANY_OF = [
    ("en", "It was the Grey Sea.", "a Grey Sea", True),
    ("en", "The lord of rings", "The Lord of the Rings", True),
    ("en", "Vitamin C", "vitamin A", False),
    ("en", "There are a dozen, that is twelve.", "12", True),
    ("de", "An einem Fluss namens Oru.", "der Fluss", True),
    ("de", "Es sind 1.000 Schafe.", "eintausend", True),
    ("es", "Se llama Faro de Oru.", "el faro", True),
    ("fr", "C'est l'école.", "Ecole", True),
    ("pt", "É farol.", "o farol", True),
    ("hi", "उसका नाम राम है।", "राम", True),
    ("zh", "二十三个", "三", False),
    ("ja", "十三回です。", "13", True),
    ("ko", "서울에서 열두 명이 살았다.", "12", True),
    ("ko", "서울에서 살았다.", "서울", True),
]


@pytest.mark.parametrize(("code", "answer", "text", "right"), ANY_OF)
def test_one_of_several_texts_is_enough_in_any_language(
    code: str, answer: str, text: str, right: bool
) -> None:
    assert Marking(any_of=("nothing of this", text)).accepts(answer, language(code)) is right
    assert Marking(none_of=(text,)).accepts(answer, language(code)) is not right


@pytest.mark.parametrize(
    ("code", "answer", "right"),
    [
        ("en", "It is twelve metres long.", True),
        ("en", "It is 13.0 metres long.", True),
        ("en", "It is 13.1 metres long.", False),
        ("en", "In 1868 it was twelve and a half metres long.", True),
        ("en", "It is long.", False),
        ("de", "Sie ist 12,5 Meter lang.", True),
        ("de", "Sie ist 125 Meter lang.", False),
        ("ja", "十二点五メートルです。", True),
        ("zh", "十三米", True),
        ("ko", "십이점오 미터입니다.", True),
    ],
)
def test_a_number_may_differ_by_the_tolerance(code: str, answer: str, right: bool) -> None:
    assert Marking(number=12.5, tolerance=0.5).accepts(answer, language(code)) is right


def test_without_a_tolerance_a_number_is_exact() -> None:
    assert Marking(number=8400).accepts("About 8,400 people.", language("en"))
    assert Marking(number=0.1).accepts("0.1")
    assert not Marking(number=8400).accepts("About 8,401 people.", language("en"))


def test_a_regular_expression_is_found_anywhere_and_in_any_case() -> None:
    marking = Marking(matches=r"inv-\d{4}\b")
    assert marking.accepts("The number is INV-4417.")
    assert not marking.accepts("The number is INV-44170.")
    assert Marking(matches="^stra(ß|ss)e$").accepts("Straße\n")
    assert not Marking(matches="(?-i)Na").accepts("na")


@pytest.mark.parametrize(
    "expression", ["(a+)+$", "(a|a)*b", "(a*)*c", r"(\w|\d|_)*!", "(?:a{30}){30}b", "a?" * 60 + "a" * 60]
)
def test_no_expression_makes_an_answer_take_long(expression: str) -> None:
    began = time.process_time()
    if not pattern_mistake(expression):
        found_in(expression, "a" * 50_000 + "?")
    assert time.process_time() - began < 2


@pytest.mark.parametrize("expression", ["[a", "(?=a)b", r"(a)\1", "(?:a{1000}){1000}", "x" * 201, "\ud800"])
def test_an_expression_that_cannot_be_used_has_a_reason(expression: str) -> None:
    assert pattern_mistake(expression)


def test_of_multiple_choice_the_chosen_text_decides() -> None:
    marking = Marking(choices=("Harnick", "Tamm"), choice="Tamm")
    assert marking.accepts("Tamm")
    assert not marking.accepts("Harnick")


def test_all_conditions_must_be_met() -> None:
    marking = Marking((("Oru",),), any_of=("sea", "lake"), none_of=("river",), number=900, matches="n$")
    assert marking.accepts("Oru lies in a lake and has 900 men")
    for wrong in ("Oru: sea, 900", "Oru: river or sea, 900 men", "Oru: sea, 90 men", "Sea: 900 men"):
        assert not marking.accepts(wrong), wrong


def test_exams_with_nothing_but_required_words_are_marked_as_before() -> None:
    leaves = load_tree(ROOT / "taxonomy")
    answers = [pair.answer for leaf in leaves for seed in leaf.seeds for pair in seed.pairs]
    own = language("en")
    for question in (question for leaf in leaves for question in leaf.exam):
        wanted = question.marking.must_contain
        assert question.marking == Marking(must_contain=wanted), question.question
        for answer in answers:
            assert question.marking.accepts(answer, own) is is_right(answer, wanted, own)
