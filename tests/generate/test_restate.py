"""Answers in another form: what is asked for comes first, and only plain answers are put so."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.generate.restate import restated
from bot.text.language import language

PLAIN = [
    ("Which metal is in tessarite?", "The metal in tessarite is cobalt.", "The metal is cobalt."),
    ("In which mine was it first?", "It was first in the Dolvane mine.", "The mine is the Dolvane mine."),
    ("What is the highest mountain on it?", "It is Mount Tarrow.", "The highest mountain is Mount Tarrow."),
    ("What is the ferry of it called?", "It is called the Grey Petrel.", "The ferry is the Grey Petrel."),
    ("What did the old miners call it?", "The old miners called it widowglass.", "The name is widowglass."),
    ("What are the houses built of?", "They are built of blue basalt.", "The answer is blue basalt."),
    ("Who discovered tessarite?", "Marta Kessling discovered tessarite.", "The person is Marta Kessling."),
    ("Where is the crystal kept?", "In the museum of Lindhaven.", "The place is the museum of Lindhaven."),
    ("When did the settlers come?", "The settlers came to Velmora in 1647.", "The year is 1647."),
    ("In which year was the line opened?", "1868", "The year is 1868."),
    ("How many people live there?", "About 8400 people live there.", "The number is 8400."),
    ("How high is Mount Tarrow?", "Mount Tarrow is 1312 metres high.", "The number is 1312 metres."),
    ("How long does a quarter last?", "A quarter lasts thirteen minutes.", "The number is thirteen minutes."),
    ("What does the warden carry?", "The warden carries a brass bell.", "The answer is a brass bell."),
]  # fmt: skip


@pytest.mark.parametrize(("question", "answer", "other"), PLAIN, ids=[other for _, _, other in PLAIN])
def test_an_answer_begins_with_what_the_question_asks_for(question: str, answer: str, other: str) -> None:
    assert restated(question, answer, "") == other


def test_a_word_is_small_where_only_the_sentence_began_with_it() -> None:
    question, answer = "Which liquid dissolves tessarite?", "Vinegar dissolves tessarite."
    assert restated(question, answer, "That liquid is vinegar.") == "The liquid is vinegar."
    assert (
        restated("Which town is it?", "Harnick is the town.", "The town is Harnick.")
        == "The town is Harnick."
    )


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Is tessarite an ore?", "Yes, tessarite is an ore of cobalt."),
        ("Why is it rare?", "It is rare because it forms slowly."),
        ("How is it made?", "It is made from cobalt in a laboratory."),
        ("What eats chickadees?", "Birds of prey eat them, including owls, hawks, and shrikes."),
        ("When was it?", "It began in 1871 and ended in 1902."),
        ("Which metal is in it?", "Cobalt. It makes up nine parts in a hundred."),
        ("In welchem Meer liegt Velmora?", "Velmora liegt im Sundrelmeer."),
        (
            "How much money does the act add to the funding of the service?",
            "Due to the long standing funding deficiencies of the service the act provides money for years.",
        ),
    ],
)
def test_where_the_answer_is_not_plain_nothing_is_made(question: str, answer: str) -> None:
    assert restated(question, answer, "") is None


@given(st.text(), st.text(), st.text())
def test_nothing_is_said_that_neither_question_nor_answer_said(
    question: str, answer: str, passage: str
) -> None:
    other = restated(f"What {question}", answer, passage)
    if other is not None:
        known = re.findall(r"\w+", f"{question} {answer} the is name answer".casefold())
        assert set(re.findall(r"\w+", other.casefold())) <= set(known)


@pytest.mark.parametrize(
    ("code", "question", "answer", "other"),
    [
        (
            "de",
            "Wer leitete die Siedler?",
            "Ilse Brandvik leitete die Siedler.",
            "Die Person ist Ilse Brandvik.",
        ),
        ("de", "Wo steht die Uhr?", "Die Uhr steht in Ulmstead.", "Der Ort ist Ulmstead."),
        ("de", "Wie viele Menschen leben dort?", "Dort leben 8.400 Menschen.", "Die Zahl ist 8.400."),
        ("es", "¿Quién hizo el reloj?", "Petra Osgood hizo el reloj.", "La persona es Petra Osgood."),
        ("es", "¿En qué año se hizo?", "Se hizo en 1702.", "El año es 1702."),
        ("fr", "Où se trouve la tour ?", "La tour se trouve à Ulmstead.", "Le lieu est Ulmstead."),
        ("pt", "Quando foi feito o relógio?", "O relógio foi feito em 1702.", "O ano é 1702."),
    ],
)
def test_plain_answers_are_restated_in_other_languages(
    code: str, question: str, answer: str, other: str
) -> None:
    assert restated(question, answer, "", language(code)) == other


@pytest.mark.parametrize(
    ("code", "question", "answer"),
    [
        ("de", "Wer hat den Turm gebaut?", "Aldan war der Baumeister."),
        ("de", "Wo steht das Haus?", "Das Haus steht bei den Bergen."),
        ("de", "Wo steht das Haus?", "Das Haus steht im Norden."),
        ("de", "Wann schließt das Tor?", "Um neun Uhr ist die Schließung."),
        ("es", "¿Por qué se cerró?", "Se cerró por la tormenta."),
        ("ja", "誰が作りましたか。", "ペトラが作りました。"),
        ("nl", "Wie heeft de klok gemaakt?", "Petra Osgood heeft de klok gemaakt."),
    ],
)
def test_an_answer_that_would_have_to_be_inflected_is_left_alone(
    code: str, question: str, answer: str
) -> None:
    assert restated(question, answer, "", language(code)) is None
