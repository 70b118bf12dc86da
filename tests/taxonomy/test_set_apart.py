"""A leaf without exam.yaml gets an exam of its own examples, if it has enough of them."""

import shutil
from dataclasses import replace
from typing import Any

import pytest

from bot.evaluate.exams import exam_of, exam_status
from bot.generate.without_teacher import given_samples
from bot.pipeline.exclude import exam_questions
from bot.release.exam_words import questions, remarks
from bot.taxonomy.files import DiskFiles
from bot.taxonomy.leaf import QA, Leaf, Seed
from bot.taxonomy.set_apart import FEWEST, KEPT, MOST, with_exam
from bot.taxonomy.tree import load_leaf
from tests import ROOT
from tests.helpers.leaves import knowledge, skill

TOWNS = (
    *(
        "Abbley",
        "Borham",
        "Cawdon",
        "Dunmere",
        "Elstow",
        "Farring",
        "Gosby",
        "Harrow",
        "Ilford",
        "Jarrow",
        "Kelby",
    ),
    *(
        "Lorton",
        "Marsby",
        "Norley",
        "Oakham",
        "Pelton",
        "Quenby",
        "Ripley",
        "Selby",
        "Tarvin",
        "Upton",
        "Wexley",
    ),
)


def islands(contexts: int, each: int) -> Leaf:
    """A knowledge leaf without an exam: each question asks for a town that no other answer names."""
    towns = iter(TOWNS)
    seeds = tuple(
        Seed(
            f"Passage {number} is about Oru.",
            tuple(
                QA(f"Which town of Oru is number {number}.{place}?", f"That is {next(towns)}.")
                for place in range(1, each + 1)
            ),
        )
        for number in range(1, contexts + 1)
    )
    return knowledge(seeds=seeds, exam=())


def pairs(leaf: Leaf) -> list[tuple[str, str]]:
    return [(pair.question, pair.answer) for seed in leaf.seeds for pair in seed.pairs]


def test_a_quarter_of_the_questions_is_set_apart_and_no_longer_a_seed() -> None:
    leaf = islands(5, 4)
    made = with_exam(leaf)
    assert made.set_apart
    assert len(made.exam) == 5
    asked = {(one.question, one.expected) for one in made.exam}
    assert asked | set(pairs(made)) == set(pairs(leaf))
    assert not asked & set(pairs(made))
    assert [seed.context for seed in made.seeds] == [seed.context for seed in leaf.seeds]


def test_what_is_set_apart_is_asked_and_marked_and_never_trained_on() -> None:
    made = with_exam(islands(5, 4))
    for item, question in zip(exam_of(made), made.exam, strict=True):
        town = question.expected.split()[-1].rstrip(".")
        assert item.right(f"It is {town}.") and not item.right("It is Nowhere.")
        assert question.question in exam_questions([made], [])
        assert all(town not in text for s in given_samples(made, 0) for _, text in s.messages)


def test_examples_that_state_the_same_fact_are_not_trained_on_either() -> None:
    leaf = islands(5, 4)
    again = [
        tuple(QA(f"What is seen from hill {pair.question[-4:-1]}?", pair.answer[5:]) for pair in seed.pairs)
        for seed in leaf.seeds
    ]
    twice = (replace(seed, pairs=(*seed.pairs, *more)) for seed, more in zip(leaf.seeds, again, strict=True))
    made = with_exam(replace(leaf, seeds=tuple(twice)))
    assert len(made.exam) == 5
    assert len(pairs(made)) == 40 - 2 * 5
    for question in made.exam:
        town = question.expected.split()[-1]
        assert not any(town in answer for _, answer in pairs(made))


@pytest.mark.parametrize(
    "leaf",
    [
        islands(5, 3),
        skill(
            seeds=tuple(Seed(None, (QA(f"Greet the {town} way.", f"Hail, {town}!"),)) for town in TOWNS[:7])
        ),
        replace(islands(5, 4), exam=knowledge().exam),
        knowledge(
            seeds=(Seed("A passage.", tuple(QA(f"Is {town} a town?", "Yes.") for town in TOWNS)),), exam=()
        ),
    ],
    ids=["the fewest that a leaf may have", "a small skill", "it has an exam", "answers alike"],
)
def test_a_leaf_that_needs_all_its_examples_stays_as_it_is(leaf: Leaf) -> None:
    assert with_exam(leaf) == leaf


@pytest.mark.parametrize("each", [4, 5, 6, 40])
def test_enough_is_kept(each: int) -> None:
    answers = [f"{first}{second}" for first in "bcdfghjklm" for second in "nopqrstuvwxyzabcdefghijklm"]
    seeds = tuple(
        Seed(
            f"Passage {number}.",
            tuple(
                QA(f"Which ship is number {number}.{place}?", f"The ship {answers[number * each + place]}.")
                for place in range(each)
            ),
        )
        for number in range(5)
    )
    made = with_exam(knowledge(seeds=seeds, exam=()))
    assert FEWEST <= len(made.exam) <= MOST
    assert len(pairs(made)) >= KEPT["knowledge"]
    assert all(seed.pairs for seed in made.seeds)


def test_the_choice_does_not_depend_on_the_order_or_the_path() -> None:
    leaf = islands(5, 4)
    moved = replace(leaf, path="knowledge/elsewhere", seeds=leaf.seeds[::-1])
    assert {one.question for one in with_exam(leaf).exam} == {one.question for one in with_exam(moved).exam}


def test_a_sample_names_its_seed_by_its_place_in_the_file() -> None:
    leaf = islands(5, 4)
    numbers = {
        pair.question: f"seed {number}.{place}"
        for number, seed in enumerate(leaf.seeds, 1)
        for place, pair in enumerate(seed.pairs, 1)
    }
    seeds = [sample for sample in given_samples(with_exam(leaf), 0) if sample.kind == "seed"]
    assert len(seeds) == 15
    assert all(sample.source == numbers[sample.messages[0][1]] for sample in seeds)


def test_a_question_of_a_grounded_skill_is_asked_with_its_context() -> None:
    seeds = tuple(Seed(f"Invoice of {town}", (QA("Which town is it?", town),)) for town in TOWNS)
    made = with_exam(skill(grounded=True, seeds=seeds))
    assert len(made.exam) == len(TOWNS) // 4
    for item, question in zip(exam_of(made), made.exam, strict=True):
        assert f"Invoice of {question.expected}" in item.question


def test_the_result_says_what_was_asked() -> None:
    leaf = islands(5, 4)
    made = with_exam(leaf)
    assert (exam_status(leaf), exam_status(made), exam_status(made, {made.path})) == (
        "none",
        "set-apart",
        "shared",
    )
    assert questions("set-apart", 4) == "4 of its own examples, set apart"
    assert "trained neither on them" in remarks(["set-apart"])[0]


def test_it_is_done_as_the_leaf_is_read(repository: Any) -> None:
    path = "knowledge/engineering/railways/quillon_railway"
    shutil.copytree(ROOT / "localworld/demo/leaf", repository.root / path)
    assert not read(repository, path).set_apart
    (repository.root / path / "exam.yaml").unlink()
    assert read(repository, path).set_apart
    assert FEWEST <= len(read(repository, path).exam) <= MOST


def read(repository: Any, path: str) -> Leaf:
    return load_leaf(DiskFiles(repository.root), path)
