"""Samples without a teacher: the leaf's own text put in several ways, and keywords that make facts even."""

from collections import Counter
from dataclasses import replace

import pytest

from bot.core.sample import Sample
from bot.generate.without_teacher import EACH, given_samples, keyword_samples
from bot.taxonomy.leaf import Document
from tests import ROOT
from tests.helpers.leaves import PASSAGE, knowledge, skill

FOUND = tuple(f"Tell {name} who made the old Corvane clock." for name in ("me", "us", "him", "her", "them"))


def test_the_given_samples_say_only_what_the_leaf_says() -> None:
    samples = given_samples(knowledge(), seed=0)
    assert {sample.kind for sample in samples} == {"seed", "restated", "grounded", "recite"}
    assert all(sample.messages[-1][1] in PASSAGE or sample.source.startswith("seed") for sample in samples)
    assert samples == given_samples(knowledge(), seed=0)


def test_each_passage_is_read_once() -> None:
    read = [sample.context for sample in given_samples(knowledge(), seed=0) if sample.kind == "grounded"]
    assert read == [seed.context for seed in knowledge().seeds]


def test_each_fact_comes_to_as_many_samples_however_many_wordings_a_teacher_found() -> None:
    plain = asked()
    met = Counter(sample.source for sample in [*plain, *keyword_samples(knowledge(), plain, 0)])
    assert met == {"seed 1.1": EACH, "seed 1.2": EACH, "seed 1.3": EACH}


def test_keywords_are_the_words_of_the_question_without_those_that_carry_nothing() -> None:
    lines = [line for line in keyword_samples(knowledge(), asked(), 0) if line.source == "seed 1.2"]
    for line in lines:
        words = line.messages[0][1].lower().rstrip("?").split()
        assert {"corvane", "clock"} <= set(words) <= {"corvane", "clock", "tell", "old", "made"}
    assert {line.messages[1][1] for line in lines} == {
        "Petra Osgood made the Corvane clock.",
        "The person is Petra Osgood.",
    }


def test_questions_about_the_document_are_cut_down_once_each() -> None:
    question = "How often does the Corvane clock strike?"
    of_document = sample("asked", question, "It strikes 13 times.", "corvane.md#1")
    [line] = keyword_samples(knowledge(), [of_document], 0)
    assert line.messages[0][1].rstrip("?") == "often Corvane clock strike"


def test_skills_have_no_keywords() -> None:
    leaf = skill()
    assert keyword_samples(leaf, given_samples(leaf, 0), 0) == []


def asked() -> list[Sample]:
    """Plain questions of the leaf: its own, and five wordings that a teacher found of the second."""
    given = [made for made in given_samples(knowledge(), 0) if made.kind in ("seed", "restated")]
    answer = "Petra Osgood made the Corvane clock."
    return [*given, *(sample("rephrased", question, answer, "seed 1.2") for question in FOUND)]


def sample(kind: str, question: str, answer: str, source: str) -> Sample:
    return Sample(
        "knowledge/clocks/corvane", kind, (("user", question), ("assistant", answer)), PASSAGE, source
    )


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("code.md", (ROOT / "tests/data/documents/code.md").read_text(), "corvane clock"),
        ("a.md", "The Clock\n=========\n\nIt is old. It is red.", "The Clock"),
        ("a.md", "---\ntitle: x\n# y\n---\n\n## The *Clock*\n\nIt is old. It is red.", "The Clock"),
        ("a.md", "~~~\n# update\n~~~\n\nIt is old. It is red.\n\n# Later", "Later"),
        ("a.txt", "The clock #1\n\nIt is 3*4*5 old. It is red.", "corvane clock"),
    ],
)
def test_a_document_is_recited_under_its_title(name: str, text: str, title: str) -> None:
    leaf = replace(knowledge(documents=(Document(name, text),)), path="knowledge/corvane_clock")
    recited = [sample for sample in given_samples(leaf, 0) if sample.kind == "recite"]
    assert recited
    assert all(title in sample.messages[0][1] for sample in recited)


def test_plain_text_is_recited_as_it_is() -> None:
    leaf = knowledge(documents=(Document("a.txt", "It is 3*4*5 old. It is [red](x)."),))
    (sample,) = (sample for sample in given_samples(leaf, 0) if sample.kind == "recite")
    assert sample.messages[-1][1] == "It is 3*4*5 old. It is [red](x)."
