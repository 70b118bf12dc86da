"""The estimate in the comment: what earlier runs took, else a formula, else that nothing is known."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.config.device import EstimateRecipe
from bot.config.load import load_recipe
from bot.config.recipe import Recipe
from bot.core.durations import Took, latest, record
from bot.core.errors import UserError
from bot.core.store import Store
from bot.github.render import render
from bot.pipeline.estimate_release import forecast
from bot.pipeline.plan import Plan, PlannedLeaf, summarize
from bot.pipeline.training_speed import (
    examination_by,
    generation_by,
    gguf_by,
    retrieval_by,
    tasks_by,
    training_by,
)
from tests import ROOT

RECIPE = load_recipe(ROOT / "arborist.yaml")
PRICED = replace(RECIPE, estimate=EstimateRecipe("h100", 2.5, "EUR"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def run_before(store: Store, recipe: Recipe, device: str = "1 x NVIDIA H100") -> None:
    """What a release of ten leaves wrote down: a sample in 2 s, 100 tokens/s, an answer in 0.5 s."""
    record(store, Took("generate", device, 400, 800, 10, generation_by(recipe)))
    for phase in ("knowledge", "skills"):
        stated = getattr(recipe.train, phase)
        rounds = stated.epochs * stated.ensemble
        record(
            store, Took(phase, device, 9_000 * rounds, 90 * rounds, 10, training_by(phase, recipe), rounds)
        )
    record(store, Took("examine", device, 120, 60, 10, examination_by(recipe)))
    record(store, Took("retrieval", device, 60, 90, 10, retrieval_by(recipe)))


def comment(recipe: Recipe, store: Store) -> str:
    """The part `plan` of the comment, of a pull request that adds a leaf to nine."""
    plan = Plan(7, "c" * 40, (PlannedLeaf("knowledge/a", "added", "1" * 64),), 9, "b" * 40, "main")
    return render("plan", planned=summarize(plan, recipe, store))


def test_without_a_run_and_without_a_device_nothing_is_known_and_it_is_said(store: Store) -> None:
    made = forecast(40, 10, RECIPE, latest(store))
    assert [step.seconds for step in made.steps] == [None] * 5
    text = comment(RECIPE, store)
    assert "40 samples to generate: not known (no run with this teacher is in the store yet)" in text
    assert "Together" not in text


def test_before_the_first_run_training_is_estimated_by_the_formula_for_the_recipes_device(
    store: Store,
) -> None:
    made = forecast(40, 10, PRICED, latest(store))
    assert [step.seconds is not None for step in made.steps] == [False, True, True, False, False]
    assert "by formula for 1 x h100" in made.steps[1].basis
    assert "Together at least" in comment(PRICED, store)


def test_after_a_run_all_follows_from_what_it_took(store: Store) -> None:
    run_before(store, PRICED)
    made = forecast(40, 20, PRICED, latest(store))
    generation, knowledge, skills, exams, with_passages = made.steps
    assert generation.seconds == pytest.approx(80)
    train = PRICED.train
    for step, phase in ((knowledge, train.knowledge), (skills, train.skills)):
        assert step.seconds == pytest.approx(180 * phase.epochs * phase.ensemble)
        assert step.basis == "measured in the last run on 1 x NVIDIA H100"
    assert exams.seconds == pytest.approx(120)
    assert with_passages.seconds == pytest.approx(180)
    assert made.complete
    assert made.price == pytest.approx(made.seconds / 3600 * 2.5)
    of_ten = forecast(40, 10, PRICED, latest(store))
    assert f"{of_ten.price:.2f} EUR" in comment(PRICED, store)


def test_another_teacher_or_student_is_another_speed(store: Store) -> None:
    run_before(store, RECIPE)
    taught = replace(RECIPE, student=replace(RECIPE.student, model="org/other"))
    assert [step.seconds is None for step in forecast(40, 10, taught, latest(store)).steps] == [
        False,
        True,
        True,
        True,
        True,
    ]
    told = replace(RECIPE, teacher=replace(RECIPE.teacher, engine="openai", model="other"))
    assert forecast(40, 10, told, latest(store)).steps[0].seconds is None
    assert forecast(0, 10, told, latest(store)).steps[0].seconds == 0


def test_tasks_and_gguf_files_count_if_the_recipe_wants_them(store: Store) -> None:
    wanted = replace(
        PRICED,
        evaluate=replace(PRICED.evaluate, tasks=("arc_easy", "oru.yaml")),
        release=replace(PRICED.release, gguf="lab/model-GGUF"),
        retrieval=replace(PRICED.retrieval, passages=0),
    )
    run_before(store, wanted)
    made = forecast(40, 10, wanted, latest(store))
    assert [step.name for step in made.steps if step.seconds is None] == [
        "tasks of lm-evaluation-harness",
        "GGUF files with their exams",
    ]
    text = comment(wanted, store)
    assert "GGUF files with their exams: not known (none of this student is in the store yet)." in text
    assert "Together at least" in text
    record(store, Took("tasks", "1 x NVIDIA H100", 2, 50, 1, tasks_by(wanted)))
    record(store, Took("gguf", "1 x NVIDIA H100", 240, 60, 10, gguf_by(wanted)))
    *_, exams, tasks, gguf = forecast(40, 20, wanted, latest(store)).steps
    assert (exams.seconds, tasks.seconds, gguf.seconds) == (120, 50, 120)
    assert "exams with passages" not in comment(wanted, store)
    assert forecast(40, 20, wanted, latest(store)).complete


def test_the_newest_runs_of_each_kind_count(store: Store) -> None:
    for seconds in range(1, 9):
        took = Took("generate", "x", 10, seconds, 1, generation_by(RECIPE))
        store.put("took", f"generate-2026112{seconds}T000000-x", {}, facts=vars(took))
    record(store, Took("examine", "x", 0, 1, 1, {}))
    assert [run.seconds for run in latest(store)] == [8, 7, 6, 5, 4]


def test_a_price_without_a_currency_is_refused(tmp_path: Path) -> None:
    text = (ROOT / "arborist.yaml").read_text() + "estimate: {price_per_hour: 2.5}\n"
    (tmp_path / "arborist.yaml").write_text(text)
    with pytest.raises(UserError, match="currency"):
        load_recipe(tmp_path / "arborist.yaml")
    (tmp_path / "arborist.yaml").write_text(text.replace("2.5}", "2.5, currency: EUR, device: h100}"))
    assert load_recipe(tmp_path / "arborist.yaml").estimate == EstimateRecipe("h100", 2.5, "EUR")
