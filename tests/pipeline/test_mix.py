"""Mixtures: what each phase learns from."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config.load import load_recipe
from bot.config.recipe import GeneralRecipe, Recipe
from bot.core.errors import UserError
from bot.core.sample import Sample
from bot.core.store import Store
from bot.generate.leaf_samples import Funnel, Generated
from bot.pipeline.mix import mix, show_mixtures
from bot.taxonomy.leaf import Leaf
from bot.train.phase import Phase
from tests import ROOT
from tests.helpers.contrast import answer_contrast
from tests.helpers.leaves import knowledge, skill

ANSWERS = ("Petra Osgood.", "In 1702.", "In Ulmstead.", "Thirteen times.", "Of green slate.", "Every day.")


def made(leaf: Leaf, kind: str = "seed") -> Generated:
    samples = tuple(
        Sample(
            leaf.path,
            kind,
            (("user", f"What of {leaf.path}, number {n}?"), ("assistant", text)),
            f"Passage {n}: {text}",
            "seed 1.1",
        )
        for n, text in enumerate(ANSWERS)
    )
    return Generated(leaf.path, leaf.path, samples, Funnel(6, 6, {}, {}))


LEAVES = [knowledge(), skill()]
MADE = [made(leaf) for leaf in LEAVES]


def recipe(tmp_path: Path, **changes: object) -> Recipe:
    """The shipped recipe, whose general replay is a file of two conversations."""
    file = tmp_path / "general.jsonl"
    turns = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day."}]
    more = [{"role": "user", "content": "Thanks"}, {"role": "assistant", "content": "Not at all."}]
    file.write_text("".join(json.dumps({"messages": one}) + "\n" for one in (turns, more)))
    loaded = load_recipe(ROOT / "arborist.yaml")
    train = replace(loaded.train, general=GeneralRecipe(dataset=str(file)))
    skills = {name: changes.pop(name) for name in ("replay", "retrieval") if name in changes}
    train = replace(train, skills=replace(train.skills, **skills), **changes)
    return replace(loaded, train=train)


@pytest.fixture(autouse=True)
def contrast(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The student's answers to contrast questions; there are none unless a test adds one."""
    answers: list[str] = []
    answer_contrast(monkeypatch, answers)
    return answers


def table(phase: Phase, tmp_path: Path, **changes: object) -> Mapping[str, int]:
    store = Store(str(tmp_path / "store"))
    return mix(phase, MADE, LEAVES, recipe(tmp_path, **changes), store).table


FACTS, SKILL = LEAVES[0].path, LEAVES[1].path


def test_knowledge_first_then_skills_with_replay_and_general_requests_in_both(tmp_path: Path) -> None:
    assert table("knowledge", tmp_path) == {FACTS: 6, "": 2}
    assert table("skills", tmp_path, replay=0.5) == {SKILL: 6, FACTS: 3, "": 2}
    assert table("skills", tmp_path, replay=0.0) == {SKILL: 6, "": 2}


def test_stacked_everything_is_in_the_first_phase(tmp_path: Path) -> None:
    assert table("knowledge", tmp_path, method="stacked") == {FACTS: 6, SKILL: 6, "": 2}
    assert table("skills", tmp_path, method="stacked") == {}


def test_questions_about_other_subjects_are_among_the_general_requests(
    tmp_path: Path, contrast: list[str]
) -> None:
    contrast += ["In Norway.", "Nobody."]
    mixed = mix("knowledge", MADE, LEAVES, recipe(tmp_path), Store(str(tmp_path / "store")))
    assert mixed.table == {FACTS: 6, "": 4}
    last = list(mixed.samples)[-1]
    assert (last.kind, last.source) == ("general", f"contrast of {FACTS}")
    assert "Corvane" not in last.exchange()["question"] and last.exchange()["answer"] == "Nobody."


def test_without_general_requests_there_are_none(tmp_path: Path, contrast: list[str]) -> None:
    contrast.append("In Norway.")
    assert table("knowledge", tmp_path, general=GeneralRecipe(samples=0)) == {FACTS: 6}


def test_of_many_general_requests_as_many_are_drawn_as_the_recipe_says(tmp_path: Path) -> None:
    file = str(tmp_path / "general.jsonl")
    assert table("knowledge", tmp_path, general=GeneralRecipe(1, file)) == {FACTS: 6, "": 1}


def test_in_retrieval_form_a_question_comes_with_four_passages_not_always_the_right_one(
    tmp_path: Path,
) -> None:
    store = Store(str(tmp_path / "store"))
    mixed = mix("skills", MADE, LEAVES, recipe(tmp_path, replay=0.0, retrieval=1.0), store)
    searched = [sample for sample in mixed.samples if sample.kind == "retrieval"]
    assert len(searched) == 6
    assert all(sample.messages[-2][1].count("Passage ") == 4 for sample in searched)
    assert all(sample.messages[-1][1] in ANSWERS for sample in searched)
    right = [sample.context in sample.messages[-2][1] for sample in searched]
    assert 0 < sum(right) < 6


def test_a_trial_has_the_contribution_and_half_as_much_of_general_requests(tmp_path: Path) -> None:
    stated = recipe(tmp_path)
    line = json.dumps(
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hi."}]}
    )
    Path(stated.train.general.dataset).write_text(f"{line}\n" * 20)
    mixed = mix("trial", MADE, LEAVES, stated, Store(str(tmp_path / "store")))
    assert mixed.table == {FACTS: 6, SKILL: 6, "": 6}


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"messages": []}',
        '{"messages": [{"role": "user", "content": "Hi"}]}',
        '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": null}]}',
        '{"text": "x"}',
    ],
)
def test_a_dataset_of_something_else_is_one_line(tmp_path: Path, line: str) -> None:
    stated = recipe(tmp_path)
    Path(stated.train.general.dataset).write_text(line + "\n")
    with pytest.raises(UserError, match=r"train\.general\.dataset .*a row is \{'messages'"):
        mix("knowledge", MADE, LEAVES, stated, Store(str(tmp_path / "store")))


def test_a_dataset_that_is_nowhere_is_one_line(tmp_path: Path) -> None:
    stated = recipe(tmp_path, general=GeneralRecipe(dataset="nowhere.jsonl"))
    with pytest.raises(UserError, match=r"train\.general\.dataset nowhere\.jsonl: .*name a file on this"):
        mix("knowledge", MADE, LEAVES, stated, Store(str(tmp_path / "store")))


def test_another_passage_is_another_content_since_some_methods_learn_from_it(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))

    def content(*generated: Generated) -> str:
        return mix("knowledge", generated, LEAVES, recipe(tmp_path), store).content

    first, *rest = MADE[0].samples
    edited = replace(MADE[0], key="edited", samples=(replace(first, context="Else."), *rest))
    assert content(edited, MADE[1]) != content(*MADE)
    assert content(replace(MADE[0], key="mixed of other things"), MADE[1]) == content(*MADE)


def test_a_mixture_is_read_from_its_file_in_its_order(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    mixed = mix("knowledge", MADE, LEAVES, recipe(tmp_path, general=GeneralRecipe(samples=0)), store)
    again = mix("knowledge", MADE, LEAVES, recipe(tmp_path, general=GeneralRecipe(samples=0)), store)
    assert tuple(mixed.samples) == MADE[0].samples
    assert again.samples[-1] == MADE[0].samples[-1]
    assert again.samples[1:3] == MADE[0].samples[1:3]
    entry = store.get("mixture", mixed.key)
    assert entry is not None
    assert list(entry.files) == ["samples.parquet"]


def test_a_longer_trial_is_another_mixture(tmp_path: Path) -> None:
    store, stated = Store(str(tmp_path / "store")), recipe(tmp_path)
    short = replace(MADE[0], samples=MADE[0].samples[:2])
    assert mix("trial", [short], LEAVES, stated, store).table[FACTS] == 2
    assert mix("trial", [MADE[0]], LEAVES, stated, store).table[FACTS] == 6


def test_both_authors_are_told_what_their_leaves_have_in_common(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = knowledge(path="knowledge/a"), knowledge(path="knowledge/b")
    question = (("user", "Who made it?"), ("assistant", "Petra Osgood."))
    other = (question[0], ("assistant", "Nobody knows."))
    generated = [
        Generated(
            leaf.path, leaf.path, (Sample(leaf.path, "seed", turns, None, "seed 1.1"),), Funnel(1, 1, {}, {})
        )
        for leaf, turns in ((first, question), (second, other))
    ]
    mixed = mix("knowledge", generated, [first, second], recipe(tmp_path), Store(str(tmp_path / "store")))
    show_mixtures([mixed, mixed])
    assert mixed.table == {"knowledge/a": 1, "knowledge/b": 1, "": 2}
    told = capsys.readouterr().err
    for one, two in (("a", "b"), ("b", "a")):
        assert f"knowledge/{one}: 1 sample with a different answer in knowledge/{two}; both are kept" in told
