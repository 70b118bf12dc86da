"""The embedded teacher and what is made with it: real engine, real answers."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bot.config.load import load_recipe
from bot.config.recipe import GeneralRecipe, Recipe
from bot.core.store import Store
from bot.evaluate.examine import examine
from bot.evaluate.retention import retention
from bot.generate.inputs import samples_inputs
from bot.generate.leaves import generate_leaf
from bot.inference.engine import Engine, Request, Response
from bot.inference.models import Model, model_folder, model_revision
from bot.inference.teacher import open_teacher
from bot.pipeline.mix import mix
from bot.taxonomy.leaf import ExamQuestion
from bot.text.mark_answer import Marking
from tests import ROOT
from tests.helpers.leaves import knowledge, skill

QUESTIONS = ("What is the capital of Italy?", "How many days are there in a week?", "Say hello.")


class Untouched:
    """A teacher that must not be asked."""

    def complete(self, requests: Sequence[Request]) -> Iterator[Response]:
        raise AssertionError(f"{len(requests)} requests were made")


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    shipped = load_recipe(ROOT / "arborist.yaml")
    few = dataclasses.replace(shipped.generate, samples=4, batches=2)
    train = dataclasses.replace(shipped.train, general=GeneralRecipe(samples=20))
    return dataclasses.replace(shipped, generate=few, train=train)


@pytest.fixture(scope="module")
def teacher(recipe: Recipe) -> Engine:
    return open_teacher(recipe)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(str(tmp_path_factory.mktemp("store")))


def ask(teacher: Engine, temperature: float, **more: object) -> list[Response]:
    requests = [Request((("user", q),), 12, temperature, **more) for q in QUESTIONS]  # type: ignore[arg-type]
    return sorted(teacher.complete(requests), key=lambda response: response.index)


def test_it_answers_sensibly_and_the_same_each_time(teacher: Engine) -> None:
    answers = ask(teacher, 0.0)
    assert "Rome" in answers[0].text
    assert [answer.index for answer in answers] == [0, 1, 2]
    assert ask(teacher, 0.9) == ask(teacher, 0.9)
    assert all(0 < answer.tokens <= 12 for answer in answers)


def test_it_goes_on_from_a_beginning_on_one_line(teacher: Engine) -> None:
    for answer in ask(teacher, 0.7, begin="Well, the"):
        assert answer.text.startswith("Well, the")
        assert "\n" not in answer.text


def test_a_begun_name_is_spelt_to_its_end(teacher: Engine) -> None:
    request = Request((("user", "What is tessarite?"),), 8, 0.9, begin="It is tess", names=("tessarite",))
    assert all("tessarite" in answer.text for answer in teacher.complete([request] * 4))


def test_a_sample_is_part_of_the_whole_and_the_whole_is_never_made_twice(
    recipe: Recipe, teacher: Engine, store: Store
) -> None:
    sample = generate_leaf(samples_inputs(knowledge(), recipe), store, teacher, limit=1)
    assert sample.asked == 1
    whole = generate_leaf(samples_inputs(knowledge(), recipe), store, teacher)
    assert whole.reused == 1
    assert whole.asked <= 1
    taught = [one for one in whole.samples if one.kind in ("rephrased", "asked")]
    assert taught, whole.funnel
    assert all("Corvane" in one.exchange()["question"] for one in taught if one.kind == "rephrased")
    assert whole.funnel.candidates == whole.funnel.accepted + sum(whole.funnel.dropped.values())
    again = generate_leaf(samples_inputs(knowledge(), recipe), store, Untouched())
    assert tuple(again.samples) == tuple(whole.samples)
    assert again.asked == 0


def test_the_mixtures_are_two_and_hold_no_exam_question(
    recipe: Recipe, teacher: Engine, store: Store
) -> None:
    seed = knowledge().seeds[0].pairs[1].question
    leaves = [knowledge(exam=(ExamQuestion(seed, Marking((("Osgood",),))),)), skill()]
    generated = [generate_leaf(samples_inputs(leaf, recipe), store, teacher) for leaf in leaves]
    first = mix("knowledge", generated, leaves, recipe, store)
    second = mix("skills", generated, leaves, recipe, store)
    assert first.contaminated > 0
    assert all(seed not in sample.exchange()["question"] for sample in first.samples)
    assert set(first.table) == {"", "knowledge/clocks/corvane"}
    assert {"", "knowledge/clocks/corvane", "compositional_skills/greetings/parrot"} == set(second.table)
    assert mix("knowledge", generated, leaves, recipe, store) == first


def test_what_two_leaves_ask_is_in_the_mixture_once(recipe: Recipe, teacher: Engine, store: Store) -> None:
    leaf, twin = knowledge(), knowledge(path="knowledge/clocks/twin")
    made = generate_leaf(samples_inputs(leaf, recipe), store, teacher)
    copied = tuple(dataclasses.replace(sample, leaf=twin.path) for sample in made.samples)
    own = dataclasses.replace(copied[0], messages=(("user", "Is the twin a clock?"), ("assistant", "It is.")))
    double = dataclasses.replace(made, leaf=twin.path, key="f" * 64, samples=(*copied, own))
    mixed = mix("knowledge", [double, made], [leaf, twin], recipe, store)
    assert mixed.table[leaf.path] > 1
    assert [sample for sample in mixed.samples if sample.leaf == twin.path] == [own]


def test_an_unchanged_exam_is_not_sat_again(
    recipe: Recipe, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    general = retention("")
    monkeypatch.setattr("bot.evaluate.examine.retention", lambda _: [*general[:8], *general[-8:]])
    base = Model(model_folder("embedded"), model_revision("embedded"))
    before = examine(base, [knowledge()], recipe.evaluate, store)
    assert before.score("knowledge/clocks/corvane") == (0, 1)
    assert sum(answer.right for answer in before.retention[:8]) >= 4
    for item, answer in zip(general[-8:], before.retention[-8:], strict=True):
        assert answer.answer in item.marking.choices
    # With nowhere to load a model from, only the store can answer.
    assert examine(Model(tmp_path / "nowhere", base.id), [knowledge()], recipe.evaluate, store) == before
    shorter = dataclasses.replace(recipe.evaluate, max_new_tokens=1)
    assert examine(base, [knowledge()], shorter, store) != before
