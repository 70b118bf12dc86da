"""The training plan: what a recipe will take, estimated before anything is made."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import validate
from typer.testing import CliRunner

from bot.cli import app
from bot.config.load import load_recipe
from bot.config.profiles import GIB
from bot.config.recipe import Recipe
from bot.core.durations import readable
from bot.core.errors import UserError
from bot.inference.model_shape import shape_at_hand
from bot.pipeline.estimate_training import TrainingPlan, disk_gb, host_gib, memory_gib, plan_training
from bot.taxonomy.tree import load_tree
from bot.train.methods.neurons import UPPER
from bot.train.methods.neurons.blocks import LOWER
from tests import ROOT
from tests.helpers.profiles import write_profile

LEAVES = load_tree(ROOT / "taxonomy")
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))


TODAYS = ("gemma-4", "gpt-oss", "granite-4", "qwen-3.5")
"""Recipes of students of 2026, whose config.json is in tests/data/students."""
PROFILES = ("gpu-24g", "gpu-80g", "gpu-80g-x8", "cluster")


def test_there_are_labs_recipes_and_todays() -> None:
    labs = {"embedded", "merlinite", "labradorite", "granite"}
    assert labs | set(TODAYS) == {file.stem for file in RECIPES}


def test_the_table_of_the_documents_says_which_recipe_fits_where() -> None:
    """By each student's own config.json; what a single device cannot hold may fit several, sharded."""
    documents = (ROOT / "docs" / "profiles.md").read_text()
    for file in RECIPES:
        recipe = load_recipe(file)
        if file.stem in TODAYS:
            folder = ROOT / "tests" / "data" / "students" / file.stem
            recipe = replace(recipe, student=replace(recipe.student, model=str(folder)))
            shape = shape_at_hand(recipe.student.model)
            assert shape is not None
            assert shape.parameters == pytest.approx(recipe.student.parameters, rel=0.12)
        cells = []
        for profile in PROFILES:
            planned = plan_training(LEAVES, replace(recipe, profile=profile), "h100")
            assert planned.device_gib is not None
            beside = f" and {planned.host_gib:.0f} of the machine's" if planned.host_gib >= 1 else ""
            fits = "fits" if planned.memory_gib <= planned.device_gib else "does not fit"
            cells.append(f"{planned.memory_gib:.0f} GiB{beside}: {fits}")
        assert f"| `{file.stem}` | {' | '.join(cells)} |" in documents


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_every_recipe_can_be_planned(file: Path) -> None:
    recipe = load_recipe(file)
    planned = plan_training(LEAVES, recipe, "h100")
    assert [phase.phase for phase in planned.phases] == ["knowledge", "skills"]
    assert all(phase.tokens and phase.steps and phase.seconds for phase in planned.phases)
    assert planned.device_gib is None or planned.memory_gib < planned.device_gib, "it fits its profile"
    schema = json.loads((ROOT / "schemas" / "training-plan.json").read_text())
    validate(json.loads(json.dumps(planned.to_json())), schema)


def test_merlinite_and_labradorite_have_labs_figures() -> None:
    for name in ("merlinite", "labradorite"):
        train = load_recipe(ROOT / "recipes" / f"{name}.yaml").train
        assert (train.knowledge.learning_rate, train.knowledge.epochs) == (2e-5, 7)
        assert (train.skills.learning_rate, train.skills.epochs) == (6e-6, 10)
        assert train.skills.batch_tokens / train.knowledge.batch_tokens == 3840 / 128


def test_the_embedded_student_is_measured_by_its_files_and_takes_minutes() -> None:
    planned = plan_training(LEAVES, load_recipe(ROOT / "arborist.yaml"))
    assert planned.parameters == 134_515_008
    assert 60 < sum(phase.seconds for phase in planned.phases) < 900
    assert 2 < planned.memory_gib < 6


def test_new_neurons_learn_in_as_many_layers_as_is_reckoned_with() -> None:
    assert 1 - LOWER == UPPER


def with_profile(folder: Path, deepspeed: str, train: str = "") -> Recipe:
    """Granite's recipe with a profile of two GPUs, or of one without DeepSpeed."""
    recipe = load_recipe(ROOT / "recipes" / "granite.yaml")
    name = f"made-{len(list((folder / 'runners').glob('*')))}"
    processes = f"processes: {2 if deepspeed else 1}, {train}"
    write_profile(folder, name, "gpus: 2, memory_gib: 80", deepspeed, processes)
    return replace(recipe, profile=name, folder=folder)


def planned_by(recipe: Recipe) -> TrainingPlan:
    return plan_training(LEAVES, recipe, "h100")


def test_sharding_saves_memory_stage_by_stage(tmp_path: Path) -> None:
    needed = [
        memory_gib(10**10, with_profile(tmp_path, f"{{zero_optimization: {{stage: {stage}}}}}"))
        for stage in (1, 2, 3)
    ]
    assert needed == sorted(needed, reverse=True)
    assert needed[0] + 10 < memory_gib(10**10, with_profile(tmp_path, ""))


def test_what_is_offloaded_is_in_the_machines_memory_instead(tmp_path: Path) -> None:
    zero = "{zero_optimization: {stage: 3, offload_optimizer: {device: cpu}, offload_param: {device: %s}}}"
    some, all_of_it = (with_profile(tmp_path, zero % device) for device in ("none", "cpu"))
    assert memory_gib(10**10, some) - memory_gib(10**10, all_of_it) == pytest.approx(10**10 / GIB)
    # 16 bytes a weight for Adam and gradients, and 2 for the weight.
    assert host_gib(10**10, some) == pytest.approx(16e10 / GIB)
    assert host_gib(10**10, all_of_it) == pytest.approx(18e10 / GIB)
    assert "It needs about 137 GiB of the machine's memory, and about" in planned_by(all_of_it).fits


def test_more_rows_at_once_need_more_memory_and_less_time(tmp_path: Path) -> None:
    one, four = (with_profile(tmp_path, "", f"micro_batch: {rows}") for rows in (1, 4))
    assert memory_gib(10**8, one) < memory_gib(10**8, four)
    small = [replace(one, student=replace(one.student, parameters=1e8)) for one in (one, four)]
    first, second = (planned_by(recipe).phases[0].seconds for recipe in small)
    assert second < first


def test_passages_that_are_searched_are_reckoned_with() -> None:
    recipe = load_recipe(ROOT / "recipes" / "granite.yaml")
    skills = replace(recipe.train.skills, retrieval=0.0)
    without = plan_training(LEAVES, replace(recipe, train=replace(recipe.train, skills=skills)), "h100")
    with_them = plan_training(LEAVES, recipe, "h100")
    assert with_them.phases[0] == without.phases[0]
    assert with_them.phases[1].samples > without.phases[1].samples
    assert with_them.phases[1].tokens > 2 * without.phases[1].tokens


def test_weights_of_float32_take_twice_the_room() -> None:
    recipe = load_recipe(ROOT / "recipes" / "granite.yaml")
    exact = replace(recipe, train=replace(recipe.train, precision="fp32"))
    assert memory_gib(10**10, recipe) + 4 < memory_gib(10**10, exact) < 2 * memory_gib(10**10, recipe)


def test_the_disk_holds_checkpoints_of_what_is_trained_and_the_models() -> None:
    embedded, granite = (load_recipe(ROOT / "recipes" / f"{name}.yaml") for name in ("embedded", "granite"))
    assert 0.5 < disk_gb(134_515_008, embedded) < 5
    # Two checkpoints of 12 bytes a weight, and two models of each phase.
    assert disk_gb(10**10, granite) == pytest.approx(240 + 80)


def test_an_epoch_is_a_step_at_least() -> None:
    recipe = load_recipe(ROOT / "recipes" / "granite.yaml")
    assert plan_training(LEAVES[:1], recipe, "h100").phases[-1].steps >= recipe.train.knowledge.epochs


def test_a_step_of_a_small_model_on_a_gpu_takes_the_time_of_its_host() -> None:
    (phase, *_) = plan_training(LEAVES, load_recipe(ROOT / "arborist.yaml"), "h100").phases
    assert 0.05 < phase.seconds / phase.steps < 1


def test_lower_layers_are_computed_once_by_one_process_alone(tmp_path: Path) -> None:
    recipe = load_recipe(ROOT / "arborist.yaml")
    several = replace(recipe, profile="two", folder=tmp_path)
    write_profile(tmp_path, "two", deepspeed="{zero_optimization: {stage: 2}}", train="processes: 2")
    one, two = (plan_training(LEAVES, stated).phases[0].seconds for stated in (recipe, several))
    assert one / 2 < two < one


def test_an_adapter_takes_less_memory_and_time_than_the_weights() -> None:
    recipe = load_recipe(ROOT / "recipes" / "granite.yaml")
    adapted = replace(recipe, train=replace(recipe.train, rank=16))
    assert memory_gib(10**10, adapted) < memory_gib(10**10, recipe)
    whole, less = plan_training(LEAVES, recipe, "h100"), plan_training(LEAVES, adapted, "h100")
    assert less.phases[0].seconds < whole.phases[0].seconds


def test_nobody_guesses_how_large_a_model_on_the_hub_is(tmp_path: Path) -> None:
    text = (
        (ROOT / "arborist.yaml").read_text().replace("student:\n  model: embedded", "student:\n  model: a/b")
    )
    (tmp_path / "arborist.yaml").write_text(text)
    with pytest.raises(UserError, match=r"student\.parameters: not set in the recipe; .* weights of a/b"):
        plan_training(LEAVES, load_recipe(tmp_path / "arborist.yaml"))


def test_a_folder_without_weights_is_one_line(tmp_path: Path) -> None:
    text = (ROOT / "arborist.yaml").read_text()
    text = text.replace("student:\n  model: embedded", f"student:\n  model: {tmp_path}")
    (tmp_path / "arborist.yaml").write_text(text)
    with pytest.raises(UserError, match=r"student\.model: .* has no \*\.safetensors"):
        plan_training(LEAVES, load_recipe(tmp_path / "arborist.yaml"))


def test_the_command_shows_a_table_and_writes_json(tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["plan"])
    assert "Estimate of the training: 0.13 B weights on 1 x cpu" in " ".join(shown.stdout.split())
    assert "Loading models, generating samples, exams (also with passages), tasks of" in " ".join(
        shown.stdout.split()
    )
    assert "knowledge" in shown.stdout
    file = tmp_path / "plan.json"
    CliRunner().invoke(app, ["plan", "--output", str(file)])
    assert json.loads(file.read_text())["parameters"] == 134_515_008


@pytest.mark.parametrize(
    ("name", "profile", "words"),
    [
        ("granite", "gpu-80g-x8", "which has 80 GiB by the profile gpu-80g-x8: it fits."),
        ("gpt-oss", "gpu-24g", "which has 24 GiB by the profile gpu-24g: it does not fit. Choose another"),
        ("granite", "cpu", "GiB of memory on each device."),
    ],
)
def test_it_is_said_whether_training_fits(name: str, profile: str, words: str) -> None:
    planned = planned_by(replace(load_recipe(ROOT / f"recipes/{name}.yaml"), profile=profile))
    assert words in planned.fits
    assert planned.devices == (8 if profile == "gpu-80g-x8" else 1)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (89, "89 s"), (91, "2 min"), (3600, "60 min"), (12_600, "3.5 h"), (181_440, "2.1 days")],
)
def test_durations_are_in_the_unit_that_a_person_would_use(seconds: float, words: str) -> None:
    assert readable(seconds) == words
