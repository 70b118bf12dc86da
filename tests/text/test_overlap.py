"""Exam questions in what samples ask: the index finds what comparing each with each finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.overlap import MINIMUM, ExamIndex, words_of
from bot.text.questions import UNSPACED
from bot.text.words import normal

# Few words, so that questions hold and resemble each other; one is of a script without spaces.
WORDS = st.sampled_from(
    ["who", "made", "the", "clock", "of", "slate", "in", "1702", "誰", "作", "a", "Ulmstead?"]
)
NUMBERS = st.integers(0, 25).map(str)
questions = st.lists(WORDS, max_size=16).map(" ".join) | st.lists(NUMBERS, max_size=30).map(" ".join)
exams = st.dictionaries(questions, st.sets(st.sampled_from("abc"), min_size=1), max_size=8)


def compared(question: str, exams: dict[str, set[str]]) -> set[str]:
    """The owners of exam questions that a question holds or is near, by comparing it with each."""
    asked = words_of(normal(question))
    found: set[str] = set()
    for exam, owners in exams.items():
        words = words_of(normal(exam))
        weight = sum(0.5 if UNSPACED.match(word) else 1.0 for word in words)
        held = weight >= MINIMUM and any(
            asked[place : place + len(words)] == words for place in range(len(asked))
        )
        shared, either = len(set(asked) & set(words)), len(set(asked) | set(words))
        if held or (words and shared / either >= 0.85):
            found |= owners
    return found


@given(st.permutations(range(25)), st.integers(0, 25), st.integers(0, 25), st.integers(0, 3))
def test_questions_of_any_length_that_differ_by_a_few_words_are_compared_rightly(
    words: list[int], length: int, other: int, skipped: int
) -> None:
    question, exam = (" ".join(map(str, some)) for some in (words[:length], words[skipped:other]))
    assert bool(ExamIndex({exam: {"a"}}).find(normal(question))) is bool(compared(question, {exam: {"a"}}))


@given(questions, exams)
def test_the_index_finds_what_comparing_each_with_each_finds(
    question: str, exams: dict[str, set[str]]
) -> None:
    index = ExamIndex(exams)
    found = {owner for number in index.find(normal(question)) for owner in index.owners[number]}
    assert found == compared(question, exams)


@pytest.mark.parametrize(
    ("exam", "question", "found"),
    [
        ("Who made the clock of Ulmstead?", "Tell me: who made the clock of Ulmstead, and when?", True),
        ("Who made the clock of Ulmstead?", "WHO MADE THE CLOCK OF ULMSTEAD", True),
        ("Who made the clock?", "Who made the clockwork?", False),
        ("Who made the clock?", "Who made a clock for the clock tower?", False),
        ("Who?", "Who made the clock of Ulmstead?", False),
        ("Who?", "who", True),
        ("?", "Who made the clock of Ulmstead?", False),
        ("", "", False),
        (
            "誰がウルムステッドの時計を作ったのですか",
            "では、誰がウルムステッドの時計を作ったのですか。",
            True,
        ),
        ("誰が作った", "時計は誰が作ったのですか", False),
    ],
)
def test_a_whole_question_of_enough_words_is_found_wherever_it_stands(
    exam: str, question: str, found: bool
) -> None:
    assert bool(ExamIndex({exam: {"a"}}).find(normal(question))) is found
