"""Rules for questions without a clear answer: no subject, two answers, an answer not in the document."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from bot.lint.findings import Severity
from bot.lint.leaf_view import EXAM, QNA, LeafView
from bot.lint.rule import Example, Problems, leaf_rule
from bot.taxonomy.parsed import Parsed, Place, Problem
from bot.text.words import normal

MOST_TEXT, MOST_REQUIRED = 1_000_000, 200
"""Characters of documents, and conditions of an exam, that are compared; more would take seconds."""
_WORD = re.compile(r"[A-Za-z']+|[^\sA-Za-z']")
# Only a question of these words up to its pronoun has no noun that the pronoun could stand for. They are
# English, so questions in other languages are never reported.
_LITTLE_WORDS = """
    what when where who whom whose why which how was were is are am be been being did do does has have had
    can could will would shall should may might must and or but so then in on at of to by from for with about
    into as than exactly originally first last also still ever often long old far large big high tall deep
    much many well fast soon early late wide heavy always usually finally actually not
"""
_BEFORE = frozenset(_LITTLE_WORDS.split())
# A person needs a noun with one of these words, or a name, to stand for.
_PERSONS = frozenset({"he", "she", "his", "him"})
_DETERMINERS = frozenset(
    [
        "the",
        "a",
        "an",
        "any",
        "each",
        "every",
        "some",
        "one",
        "someone",
        "somebody",
        "this",
        "that",
        "my",
        "your",
    ]
)
_PRONOUNS = _PERSONS | {"it", "its", "they", "their", "them", "hers", "theirs"}
# "How long does it take to …", "Is it possible that …": the pronoun stands for what follows.
_EXPLETIVE = re.compile(
    r"\bit\s+(?:take|takes|took|mean|means|cost|costs|rain|rains|snow|snows|matter|matters|happen)\b"
    r"|\bit\b[^?.!]{0,200}?\b(?:to|that|for|if|when|who|which|whether|how|why)\b"
    r"|\bthey\b[^?.!]{0,200}?\b(?:that|who)\b|\b(?:do|did) they (?:call|say)\b",
    re.IGNORECASE,
)
_OF_TEXT = re.compile(
    r"\b(?:according to|in|from|of|by) (?:this|the (?:above|given|provided|following)) "
    r"(?:text|passage|document|article|context|paragraph|excerpt)\b"
    r"|\baccording to the (?:text|passage|document|article|context|paragraph|excerpt)\b",
    re.IGNORECASE,
)
_UNSURE = frozenset({"yes", "no", "true", "false"})


@leaf_rule(
    "question-without-subject",
    Severity.WARNING,
    "A question should name what it asks about, so that it can be understood without the passage.",
    "The model is asked without the passage, so it cannot know what a pronoun such as `it` stands for.",
    Example(EXAM, "question: When was it settled?", "question: Which sea washes Oru?"),
)
def question_without_subject(leaf: LeafView) -> Problems:
    if leaf.kind != "knowledge":
        return
    for name, place, question in _questions(leaf):
        word = _pronoun(question)
        if word:
            message = f"this question does not say what {word!r} stands for"
            yield (
                name,
                Problem("question-without-subject", place, message, f"write the name instead of {word!r}"),
            )
        elif match := _OF_TEXT.search(question):
            message = f"this question refers to a text that its readers do not see: {match.group()!r}"
            hint = "remove it, and name what the question is about"
            yield name, Problem("question-without-subject", place, message, hint)


def _questions(leaf: LeafView) -> Iterator[tuple[str, Place, str]]:
    """Yield the file, the place and the text of each question of the seed examples and the exam."""
    if leaf.qna is not None:
        for path, question, _, _ in leaf.pairs:
            yield QNA, leaf.qna.place((*path, "question")), question
    if leaf.exam is not None:
        for index, question in leaf.exam_questions():
            yield EXAM, leaf.exam.place(("questions", index, "question")), question


def _pronoun(question: str) -> str | None:
    """Return the pronoun of an English question with nothing before it, or a name after it, to stand for."""
    if _EXPLETIVE.search(question[:1000]):
        return None
    words = _WORD.findall(question[:1000])
    lower = [word.lower() for word in words]
    place = next((number for number, word in enumerate(lower) if word in _PRONOUNS), 0)
    if place == 0 or any(word[:1].isupper() and word != "I" for word in words[1:]):
        return None
    before = lower[:place]
    clauses = "," in words  # the noun may be in the second clause: "When it was built, what was the tower?"
    nothing = not clauses and all(word in _BEFORE for word in before)
    english = any(word in _BEFORE for word in before)
    person = (
        english and lower[place] in _PERSONS and not _DETERMINERS.intersection(lower if clauses else before)
    )
    return words[place] if nothing or person else None


@leaf_rule(
    "conflicting-answers",
    Severity.WARNING,
    "The same question should not have two answers.",
    "The model would learn both answers and give one of them by chance.",
    Example(
        QNA,
        "question: What is said of Oru first?\n        answer: Then Oru is",
        "question: What is said of Oru then?\n        answer: Then Oru is",
    ),
)
def conflicting_answers(leaf: LeafView) -> Problems:
    if leaf.qna is None or leaf.kind != "knowledge":
        return
    asked: dict[str, tuple[int, str]] = {}
    for path, question, answer, _ in leaf.pairs:
        place = leaf.qna.place((*path, "question"))
        line, first = asked.setdefault(normal(question), (place.line, normal(answer)))
        if line != place.line and first != normal(answer):
            message = f"this question is also on line {line}, with another answer"
            hint = "make the questions differ, for instance by naming what each is about; or keep one of them"
            yield QNA, Problem("conflicting-answers", place, message, hint)


@leaf_rule(
    "required-not-in-document",
    Severity.WARNING,
    "What a knowledge leaf's exam requires by `must_contain` or `any_of` should be in its documents.",
    "The model learns the words of the documents, so it can hardly answer in other words.",
    Example(EXAM, "must_contain: [Green]", "must_contain: [Grey]"),
)
def required_not_in_document(leaf: LeafView) -> Problems:
    documents = leaf.documents if isinstance(leaf.documents, tuple) else ()
    if leaf.exam is None or not documents or sum(len(one.text) for one in documents) > MOST_TEXT:
        return
    known = normal(" ".join(document.text for document in documents)).replace(" ", "")
    required = ((path, wanted) for path, wanted in _required(leaf.exam) if wanted)
    for path, wanted in islice(required, MOST_REQUIRED):
        words = [normal(one).replace(" ", "") for one in wanted]
        if not any(one in known or one in _UNSURE for one in words):
            place = leaf.exam.place(path)
            message = f"{' / '.join(wanted)[:80]!r} is not in the document"
            hint = "write the words as the document has them, or add them as an alternative"
            yield EXAM, Problem("required-not-in-document", place, message, hint)


def _required(exam: Parsed) -> Iterator[tuple[tuple[str | int, ...], Sequence[str]]]:
    """Yield the place in the data and the alternatives of each `any_of` and element of `must_contain`."""
    data = exam.data if isinstance(exam.data, dict) else {}
    questions = data.get("questions")
    for index, item in enumerate(questions if isinstance(questions, list) else []):
        conditions = item if isinstance(item, dict) else {}
        path = ("questions", index)
        yield (*path, "any_of"), _texts(conditions.get("any_of"))
        wanted = conditions.get("must_contain")
        for number, one in enumerate(wanted if isinstance(wanted, list) else []):
            yield (*path, "must_contain", number), _texts(one if isinstance(one, list) else [one])


def _texts(value: Any) -> list[str]:
    """Return a list of texts; empty if the value is something else."""
    is_texts = isinstance(value, list) and all(isinstance(text, str) for text in value)
    return value if is_texts else []
