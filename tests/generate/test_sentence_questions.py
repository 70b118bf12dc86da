"""Questions by rule: the sentence answers them, they name something, and an unsure rule asks nothing."""

import time

import pytest

from bot.generate.sentence_questions import questions_about, rules_of
from bot.text.language import language

NAMED = frozenset({"Corran", "Viaduct", "Ida", "Brask", "Aldern", "Ness", "May", "Marrowby", "Petrel"})


def asked(sentence: str, title: str = "Corran Viaduct", code: str = "en") -> list[tuple[str, str]]:
    found = questions_about(sentence, title, NAMED, language(code))
    return [(one.question, one.wanted) for one in found]


@pytest.mark.parametrize(
    ("sentence", "question", "wanted"),
    [
        (
            "The Corran Viaduct was opened on 3 May 1865 by the mayor.",
            "When was the Corran Viaduct opened?",
            "on 3 May 1865",
        ),
        (
            "The foundation stone was laid in 1861.",
            "Corran Viaduct: When was the foundation stone laid?",
            "in 1861",
        ),
        (
            "Trains ran late, and the track of the Corran Viaduct was lifted in 1964.",
            "When was the track of the Corran Viaduct lifted?",
            "in 1964",
        ),
        (
            "The tower of Aldern was designed by Ida Brask.",
            "By whom was the tower of Aldern designed?",
            "Ida Brask",
        ),
        (
            "The viaduct is 412 metres long and has a kink.",
            "Corran Viaduct: How long is the viaduct?",
            "412 metres",
        ),
        (
            "The bridge was begun by Ida Brask in May 1861.",
            "When was the bridge begun by Ida Brask?",
            "in May 1861",
        ),
        ("Aldern has about 240 houses.", "How many houses does Aldern have?", "240"),
        ("About 8400 people live on Aldern.", "How many people live on Aldern?", "8400"),
        ("The capital of Aldern is Marrowby.", "What is the capital of Aldern?", "Marrowby"),
        ("The mayor of Aldern is Ida Brask.", "Who is the mayor of Aldern?", "Ida Brask"),
        ("The money of Aldern is called the pell.", "What is the money of Aldern called?", "the pell"),
        (
            "The lighthouse of Aldern stands on Cape Ness.",
            "Where does the lighthouse of Aldern stand?",
            "on Cape Ness",
        ),
        (
            "The species has been protected since 1986.",
            "Corran Viaduct: Since when has the species been protected?",
            "since 1986",
        ),
        (
            "Services to Marrowby ended in September 1958.",
            "When did services to Marrowby end?",
            "in September 1958",
        ),
    ],
)
def test_a_plain_sentence_is_asked_for_its_fact(sentence: str, question: str, wanted: str) -> None:
    assert (question, wanted) in asked(sentence)


@pytest.mark.parametrize(
    ("sentence", "question", "wanted"),
    [
        (
            "Seit 1889 besitzt Wolkenried einen Bahnhof.",
            "Seit wann besitzt Wolkenried einen Bahnhof?",
            "1889",
        ),
        ("Im Jahr 1782 brannte die Stadt ab.", "Wolkenried: Wann brannte die Stadt ab?", "Im Jahr 1782"),
        (
            "Das Rathaus von Wolkenried wurde 1801 gebaut.",
            "Wann wurde das Rathaus von Wolkenried gebaut?",
            "1801",
        ),
        ("Der Turm ist 62 Meter hoch.", "Wolkenried: Wie hoch ist der Turm?", "62 Meter"),
        ("Rund 4200 Menschen leben in Wolkenried.", "Wie viele Menschen leben in Wolkenried?", "4200"),
        (
            "Die Obere Mühle steht am Ufer der Selme.",
            "Wolkenried: Wo steht die Obere Mühle?",
            "am Ufer der Selme",
        ),
        ("Wolkenried ist eine Kleinstadt.", "Was ist Wolkenried?", "eine Kleinstadt"),
        ("Der Fluss heißt Selme.", "Wolkenried: Wie heißt der Fluss?", "Selme"),
        (
            "Die Kirche wurde von Ida Brask entworfen.",
            "Wolkenried: Von wem wurde die Kirche entworfen?",
            "von Ida Brask",
        ),
    ],
)
def test_a_german_sentence_is_asked_in_german(sentence: str, question: str, wanted: str) -> None:
    assert (question, wanted) in asked(sentence, "Wolkenried", "de")


@pytest.mark.parametrize(
    "sentence",
    [
        "It was opened in 1865.",
        "They are called the Twelve.",
        "This is a bridge.",
        "In the evening the walls give back the warmth of the day.",
        "When the viaduct was opened in 1865, it rained.",
        "The upperside is a dull brown.",
        "Females are duller than males.",
        "Built between 1861 and 1865, it carried a single track.",
    ],
)
def test_a_sentence_that_cannot_be_asked_about_alone_is_left_alone(sentence: str) -> None:
    assert asked(sentence) == []


def test_a_language_without_a_file_has_no_questions() -> None:
    assert rules_of("fr") is None
    assert asked("La tour a 12 portes.", "La tour", "fr") == []


@pytest.mark.parametrize("code", ["en", "de"])
@pytest.mark.parametrize("unit", ["The a of A ", "in 1865 ", "was made ", "the ", "Der Turm wurde ", "x"])
@pytest.mark.parametrize("size", [350, 100_000])
def test_no_sentence_takes_long(unit: str, code: str, size: int) -> None:
    start = time.process_time()
    asked("The tower of Aldern " + unit * (size // len(unit)), code=code)
    assert time.process_time() - start < 1
