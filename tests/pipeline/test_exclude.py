"""What is left out of mixtures: no leaf may silence another."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.core.sample import Sample
from bot.core.store import Store
from bot.evaluate.retention import retention
from bot.generate.leaf_samples import Funnel, Generated
from bot.pipeline.exclude import LeftOut, Sifted, sift
from bot.taxonomy.leaf import ExamQuestion, Leaf
from bot.text.mark_answer import Marking
from tests.helpers.leaves import knowledge

A, B = "knowledge/a", "knowledge/b"
ASKED = [f"Who wound the clock of Ulmstead in the year {year}?" for year in range(1702, 1722)]


def leaf(path: str, *exam: str) -> Leaf:
    return knowledge(path=path, exam=tuple(ExamQuestion(question, Marking((("x",),))) for question in exam))


def made(path: str, *exchanges: tuple[str, str]) -> Generated:
    samples = tuple(
        Sample(path, "asked", (("user", question), ("assistant", answer)), None, "seed 1.1")
        for question, answer in exchanges
    )
    return Generated(path, path, samples, Funnel(0, 0, {}, {}))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def sifted(store: Store, generated: Sequence[Generated], *leaves: Leaf) -> Sifted:
    first = sift(generated, [], leaves, retention(""), store)
    assert sift(generated, [], leaves, retention(""), store) == first, "and the same from the store"
    return first


@pytest.mark.parametrize("short", ["?", "who", "Who?", "", "of the", "the clock of"])
def test_a_short_exam_question_takes_no_other_leafs_samples(store: Store, short: str) -> None:
    generated = [made(A, *((question, "Petra.") for question in ASKED))]
    assert sifted(store, generated, leaf(A), leaf(B, short)) == Sifted({}, {})


def test_a_leafs_own_exam_takes_all_samples_that_ask_it(store: Store) -> None:
    generated = [made(A, *((question, "Petra.") for question in ASKED))]
    found = sifted(store, generated, leaf(A, *ASKED[:15]))
    assert found.dropped == {A: frozenset(range(15))}
    assert found.account == {A: LeftOut(own=15)}


def test_the_exam_of_another_leaf_takes_a_tenth_at_most(store: Store) -> None:
    generated = [made(A, *((question, "Petra.") for question in ASKED))]
    two = sifted(store, generated, leaf(A), leaf(B, *ASKED[:2]))
    assert two.dropped == {A: frozenset({0, 1})}
    assert two.account == {A: LeftOut(others=2, exams={B: 2})}
    all_ = sifted(store, generated, leaf(A), leaf(B, *ASKED))
    assert all_.dropped == {}
    assert all_.account == {A: LeftOut(kept={B: 20})}


def test_many_leaves_together_take_no_more_than_one(store: Store) -> None:
    generated = [made(A, *((question, "Petra.") for question in ASKED))]
    others = [leaf(f"knowledge/b{number}", question) for number, question in enumerate(ASKED)]
    found = sifted(store, generated, leaf(A), *others)
    assert len(found.dropped[A]) == 2
    assert len(found.account[A].kept) == 16, "of 18 leaves the first are named"


def test_a_leaf_with_an_earlier_path_does_not_take_anothers_question(store: Store) -> None:
    right = [(question, "Petra.") for question in ASKED]
    wrong = [(question.lower(), "Nobody.") for question in ASKED]
    found = sifted(store, [made(A, *wrong), made(B, *right)], leaf(A), leaf(B))
    assert found.dropped == {}
    assert found.account == {A: LeftOut(disputed={B: 20}), B: LeftOut(disputed={A: 20})}


def test_the_same_question_and_answer_are_learnt_once(store: Store) -> None:
    exchange = (ASKED[0], "Petra.")
    found = sifted(store, [made(A, exchange), made(B, exchange, (ASKED[1], "Petra."))], leaf(A), leaf(B))
    assert found.dropped == {B: frozenset({0})}
    assert found.account == {B: LeftOut(twice={A: 1})}


def test_the_retention_set_is_nobodys_and_takes_what_asks_it(store: Store) -> None:
    found = sifted(store, [made(A, ("Say, what is the capital of France?", "Paris."))], leaf(A))
    assert found == Sifted({A: frozenset({0})}, {A: LeftOut(own=1)})
