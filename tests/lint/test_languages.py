"""Rules that read words know the language of a leaf, or stay silent."""

import json

import pytest

from tests.helpers.lint_tree import ATTRIBUTION, Tree
from tests.lint.conftest import tree

__all__ = ["tree"]
PATH = "knowledge/inseln/oru"
RULES = ("answer-not-in-context", "gives-away-answer")
# The context, and a question with an answer that is right.
GOOD = {
    "German nouns": (
        "Die Reparatur der Glocke kostet 2.500 Kronen, und der Wärter zählt die Gäste.",
        ("Was kostet die Reparatur?", "Das Geld für die Arbeit sind 2500 Kronen."),
    ),
    "German synonyms": (
        "Das Tor wird um neun Uhr geschlossen. Es besteht aus Eichenholz und hat zwei Flügel.",
        ("Woraus besteht das Tor?", "Das Tor ist aus dem Holz der Eiche."),
    ),
    "a German number word": (
        "Das Tor hat zwölf Flügel und wird um neun Uhr von dem Wärter geschlossen.",
        ("Wie viele Flügel hat das Tor?", "Es hat 12 Torflügel."),
    ),
    "a German choice": (
        "Die Lampe ist rot und leuchtet bis zum Morgen in der Nacht.",
        ("Ist die Lampe rot oder blau?", "Sie ist rot."),
    ),
    "an inflected Finnish name": (
        "Majakka seisoo korkealla kalliolla Tullin satamassa, ja sen vartija laskee laivat.",
        ("Missä majakka seisoo?", "Se seisoo Tullissa."),
    ),
    "Japanese": (
        "コルヴェーンの時計は1702年に作られ、ウルムステッドにあります。",
        ("時計はいつ作られましたか。", "時計は1702年の作品です。"),
    ),
    "English thousands": (
        "The repair of the bell costs 2,500 crowns, and the warden counts the guests of the island.",
        ("What does the repair cost?", "The repair of it costs 2500 crowns."),
    ),
}
BAD = {
    "a German number": (
        "Die Reparatur der Glocke kostet 2.500 Kronen, und der Wärter zählt die Gäste.",
        ("Was kostet die Reparatur?", "Die Reparatur kostet 2600 Kronen."),
        "2600",
    ),
    "a Japanese number": (
        "コルヴェーンの時計は1702年に作られ、ウルムステッドにあります。",
        ("時計はいつ作られましたか。", "時計は1703年の作品です。"),
        "1703",
    ),
    "an English name": (
        "The tower was built by a man who came from the mountains in the year 1204.",
        ("Who built the tower?", "It was built by Henry in the year 1204."),
        "Henry",
    ),
    "a Spanish name": (
        "La torre fue construida por un hombre que vino de las montañas en el año 1204.",
        ("¿Quién construyó la torre?", "La torre fue construida por Enrique en el año 1204."),
        "Enrique",
    ),
    "a German question with its answer": (
        "Der Turm ist von Aldan gebaut, und die Lampe leuchtet in der Nacht.",
        ("Ist es wahr, dass Aldan der Baumeister des Turms war?", "Das war der Baumeister Aldan."),
        "contains its own answer",
    ),
}


def found(tree: Tree, context: str, pair: tuple[str, str]) -> list[str]:
    """Lint a leaf of one context, and return the messages of the rules that read words."""
    others = [{"question": f"{pair[0]} ({n})", "answer": context} for n in range(2)]
    pairs = [{"question": pair[0], "answer": pair[1]}, *others]
    data = {
        "version": 3, "created_by": "someone", "domain": "x", "document_outline": "y",
        "seed_examples": [{"context": context, "questions_and_answers": pairs}],
        "document": {"repo": ".", "commit": "HEAD", "patterns": ["oru.md"]},
    }  # fmt: skip
    tree.write(f"{PATH}/qna.yaml", json.dumps(data, ensure_ascii=False))
    tree.write(f"{PATH}/oru.md", f"# Oru\n\n{context}\n")
    tree.write(f"{PATH}/attribution.txt", ATTRIBUTION)
    return [one.message for one in tree.lint().findings if one.rule in RULES and PATH in one.path]


@pytest.mark.parametrize("name", GOOD)
def test_a_good_answer_has_no_finding(tree: Tree, name: str) -> None:
    assert found(tree, *GOOD[name]) == []


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_has_one(tree: Tree, name: str) -> None:
    context, pair, said = BAD[name]
    [message] = found(tree, context, pair)
    assert said in message
