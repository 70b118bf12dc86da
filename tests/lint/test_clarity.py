"""Questions that nobody can answer as they stand: no subject, two answers, or words the document lacks."""

from typing import Any

import pytest

from tests.helpers.lint_tree import DOCUMENT, KNOWLEDGE, SKILL

QNA, EXAM = f"{KNOWLEDGE}/qna.yaml", f"{KNOWLEDGE}/exam.yaml"


def rules_for(tree: Any, question: str) -> list[str]:
    tree.replace(EXAM, "question: Which sea washes Oru?", f"question: {question!r}")
    return [rule for rule in tree.rules() if rule != "exam-of-another-leaf"]


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("When was it built?", "it"),
        ("What is its capital?", "its"),
        ("Where is it grown?", "it"),
        ("Who did they fight?", "they"),
        ("What consequences did he face from his debt?", "he"),
        ("Where was his most famous work first published?", "his"),
        ("How old was she when war broke out?", "she"),
        ("Aside from his debts, what else did he leave?", "his"),
        ("What is the main point of this document?", "of this document"),
        ("According to the passage, what grows on Oru?", "According to the passage"),
    ],
)
def test_a_question_without_a_subject_is_told(tree: Any, question: str, word: str) -> None:
    assert rules_for(tree, question) == ["question-without-subject"]
    (finding,) = tree.lint().findings
    assert (finding.severity, finding.line) == ("warning", 3)
    assert repr(word) in finding.message


@pytest.mark.parametrize(
    "question",
    [
        "When was the lighthouse built, and who paid for it?",
        "When did Sarn get its name?",
        "What is its capital, if Oru has one?",
        "When it was built, what was the tower made of?",
        "How long does it take to row to Oru?",
        "Is it possible that barley grows here?",
        "What does it mean that a hill is bare?",
        "How do they call the hill?",
        "Which books did the keeper write before he left?",
        "What did a keeper do when he saw fog?",
        "How many people live on it?",  # `people` may be meant
        "What is hidden in the document of Tamm?",
        "Wann war das Haus gebaut?",
        "¿Qué he hecho en Oru?",
        "¿Qué he hecho?",
    ],
)
def test_a_question_that_says_what_it_is_about_is_left_alone(tree: Any, question: str) -> None:
    assert rules_for(tree, question) == []


def test_a_skill_may_ask_about_what_is_in_its_context(tree: Any) -> None:
    tree.replace(f"{SKILL}/qna.yaml", "question: Greet Ann.", "question: When was it built?")
    assert tree.rules() == []


@pytest.mark.parametrize(
    "again", ["What is said of Oru first?", "what is said of oru first", "What is said of Oru, first?"]
)
def test_a_question_with_two_answers_is_told_on_the_second(tree: Any, again: str) -> None:
    tree.replace(QNA, "question: What is said of They first?", f"question: {again!r}")
    (finding,) = tree.lint().findings
    assert (finding.rule, finding.severity, finding.line) == ("conflicting-answers", "warning", 38)
    assert "also on line 14, with another answer" in finding.message


def test_the_same_question_with_the_same_answer_is_another_rules(tree: Any) -> None:
    text = (tree.root / QNA).read_text()
    first = "question: What is said of Oru first?\n        answer: First Oru is an island in the Grey Sea."
    second = "question: What is said of They first?\n        answer: First They grow barley."
    assert first in text and second in text
    tree.replace(QNA, second, first.replace("first?", "FIRST?"))
    assert "conflicting-answers" not in tree.rules()


def test_a_skill_may_answer_in_several_ways(tree: Any) -> None:
    tree.replace(f"{SKILL}/qna.yaml", "question: Greet Bo.", "question: Greet Ann.")
    assert tree.rules() == []


@pytest.mark.parametrize(
    ("required", "found"),
    [
        ("[Green]", ["required-not-in-document"]),
        ("[Grey, Green]", ["required-not-in-document"]),
        ("[[Green, Blue]]", ["required-not-in-document"]),
        ("['901']", ["required-not-in-document"]),
        ("[Grey]", []),
        ("[GREY SEA]", []),
        ("[[Green, Grey]]", []),
        ("[island]", []),
        ("[its capital is Tamm]", []),  # wrapped in the document
        ("['yes']", []),
    ],
)
def test_required_words_are_looked_for_in_the_document(tree: Any, required: str, found: list[str]) -> None:
    tree.replace(EXAM, "[Grey]", required)
    assert tree.rules() == found


def test_a_large_document_is_not_searched(tree: Any) -> None:
    tree.write(f"{KNOWLEDGE}/oru.md", DOCUMENT + "Barley. " * 130_000)
    tree.replace(EXAM, "[Grey]", "[Green]")
    assert tree.rules() == ["document-size"]


def test_hostile_questions_take_no_time(tree: Any) -> None:
    tree.write(
        EXAM, f"version: 1\nquestions:\n  - question: {'it that ' * 100_000}\n    must_contain: [Grey]\n"
    )
    assert tree.rules() == []  # `rules` fails if linting takes long
