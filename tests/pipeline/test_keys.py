"""Each field of the recipe changes exactly the keys that it should; fields that are runs-only change none."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.config.difference import compare
from bot.config.load import load_recipe
from bot.config.recipe import RUNS_ONLY, GeneralRecipe, Recipe
from bot.core.sample import Sample
from bot.core.store import Store
from bot.evaluate.examine import ExamInputs
from bot.evaluate.exams import exam_of
from bot.generate.inputs import all_samples_inputs, samples_inputs
from bot.generate.leaf_samples import Funnel, Generated
from bot.inference.models import model_folder, model_revision
from bot.pipeline.choose_checkpoint import choice_inputs
from bot.pipeline.mix import mix
from bot.pipeline.release_inputs import release_inputs, settings_key
from bot.pipeline.train import student_model
from bot.taxonomy.leaf import Leaf
from bot.train.phase import Phase, phase_inputs
from tests import ROOT
from tests.helpers.contrast import answer_contrast
from tests.helpers.leaves import knowledge, skill

LEAVES = (knowledge(), skill())
RELEASED = frozenset({"release", "settings"})
"""The keys that everything changes that is released."""
SKILLS = frozenset({"train-skills", "exam", "choice-skills"}) | RELEASED
TRAINED = frozenset({"train-knowledge", "choice-knowledge"}) | SKILLS
LEARNT = frozenset({"train-trial"}) | TRAINED
MIXED = frozenset({"mixture-knowledge", "mixture-skills", "mixture-trial"}) | LEARNT
SAMPLES = frozenset({"samples", "all-samples"}) | MIXED - {"x"}
BATCHES = frozenset({"batch"}) | SAMPLES

PLACED: Mapping[str, frozenset[str]] = {
    "teacher.engine": BATCHES,
    "teacher.model": BATCHES,
    "teacher.batch": BATCHES,
    "teacher.temperature": BATCHES,
    # The mixtures hold no answers of the student here: those to general requests are in a dataset.
    "student.model": TRAINED,
    "generate.samples": SAMPLES,
    "generate.batches": SAMPLES,
    "generate.pipeline": BATCHES,
    "generate.prompts": BATCHES,
    "train.method": MIXED,
    "train.precision": LEARNT,
    "train.max_length": LEARNT,
    "train.checkpoints": TRAINED,
    "train.neurons": TRAINED,
    "train.rank": TRAINED,
    "train.general.samples": MIXED,
    "train.general.dataset": MIXED,
    "train.general.weight": LEARNT,
    **dict.fromkeys(
        [
            f"train.knowledge.{name}"
            for name in (
                *("learning_rate", "batch_tokens", "epochs", "warmup", "schedule", "weight_decay"),
                *("replay", "retrieval", "unmask", "noise", "ensemble"),
            )
        ],
        TRAINED,
    ),
    **dict.fromkeys(
        [
            f"train.skills.{name}"
            for name in (
                *("learning_rate", "batch_tokens", "epochs", "warmup", "schedule", "weight_decay"),
                *("unmask", "noise", "ensemble"),
            )
        ],
        SKILLS,
    ),
    # The mixture of knowledge has another key, and the same samples.
    "train.skills.replay": SKILLS | {"mixture-knowledge", "mixture-skills", "mixture-trial"},
    "train.skills.retrieval": SKILLS | {"mixture-knowledge", "mixture-skills", "mixture-trial"},
    **dict.fromkeys(
        [f"trial.{name}" for name in ("rank", "learning_rate", "batch_tokens", "epochs")],
        frozenset({"train-trial"}),
    ),
    "retrieval.encoder": RELEASED,
    "retrieval.passages": RELEASED,
    # No sample here asks one of them, so the mixtures stay.
    "evaluate.general": RELEASED | {"choice-knowledge", "choice-skills"},
    "evaluate.tasks": RELEASED,
    # No exam here has a question for a judge.
    "evaluate.judge.model": RELEASED,
    "evaluate.judge.engine": RELEASED,
    "evaluate.max_new_tokens": RELEASED | {"exam", "choice-knowledge", "choice-skills"},
    **dict.fromkeys(
        [
            f"gate.{name}"
            for name in (
                *("new", "margin", "leaf_margin", "retention_margin", "near_miss_margin"),
                *("churn", "confidence", "undecided"),
            )
        ],
        RELEASED,
    ),
    # The student's chat template names the model that is released.
    "release.repository": TRAINED,
    "release.license": RELEASED,
    "release.samples": RELEASED,
    "release.gguf": RELEASED,
    "seed": BATCHES,
    # What a profile says counts, and it is of the engine vllm; tests/config/test_profiles.py has that.
    "profile": frozenset(),
}
"""Field -> the keys that another value changes, those of later steps included."""


@pytest.fixture(autouse=True)
def _no_contrast(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_contrast(monkeypatch)


def described(value: Any, path: str = "", runs_only: bool = False) -> Iterator[tuple[str, bool]]:
    """Every field of the recipe by its path, and whether it is runs-only."""
    for one in fields(value):
        name, marked = f"{path}{one.name}", runs_only or one.metadata == RUNS_ONLY
        inner = getattr(value, one.name)
        if is_dataclass(inner):
            yield from described(inner, f"{name}.", marked)
        else:
            yield name, marked


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """The shipped recipe, with a dataset of general requests, so that no model has to answer any."""
    file = tmp_path_factory.mktemp("general") / "general.jsonl"
    file.write_text("".join(_row(number) for number in range(4)))
    shipped = load_recipe(ROOT / "arborist.yaml")
    general = GeneralRecipe(samples=3, dataset=str(file))
    return replace(shipped, train=replace(shipped.train, general=general))


def _row(number: int) -> str:
    asked = {"role": "user", "content": f"What is {number} and one?"}
    return json.dumps({"messages": [asked, {"role": "assistant", "content": str(number + 1)}]}) + "\n"


def keys(recipe: Recipe, store: Store) -> dict[str, str]:
    """The keys of all steps by a recipe, each made of the steps before it."""
    generated = [_generated(leaf, samples_inputs(leaf, recipe).key) for leaf in LEAVES]
    found = {
        "batch": samples_inputs(LEAVES[0], recipe).batch(0).key,
        "samples": samples_inputs(LEAVES[0], recipe).key,
        "all-samples": all_samples_inputs(recipe).key,
        "release": release_inputs(LEAVES, recipe).key,
        "settings": settings_key(recipe),
    }
    base, student = model_revision(recipe.student.model), student_model(recipe).id
    phases: tuple[Phase, ...] = ("knowledge", "skills", "trial")
    for phase in phases:
        mixture = mix(phase, generated, LEAVES, recipe, store)
        start = found["train-knowledge"] if phase == "skills" else "v1" if phase == "trial" else student
        inputs = phase_inputs(
            phase, start, start if phase == "trial" else base, f"{mixture.content} {_amount(recipe)}", recipe
        )
        found |= {f"mixture-{phase}": mixture.key, f"train-{phase}": inputs.key}
        if phase != "trial":
            found[f"choice-{phase}"] = choice_inputs(inputs, LEAVES, recipe.evaluate).key
    exam = ExamInputs(found["train-skills"], exam_of(LEAVES[0]), recipe.evaluate.max_new_tokens)
    return found | {"exam": exam.key}


def _amount(recipe: Recipe) -> str:
    """Stands for the samples that a teacher would have made by this recipe."""
    return samples_inputs(LEAVES[0], recipe).key


def _generated(leaf: Leaf, key: str) -> Generated:
    seeds = [("user", f"Ask {leaf.path}"), ("assistant", "Yes.")]
    samples = [
        Sample(leaf.path, "seed", (*seeds[:1], ("assistant", f"{n}.")), "A passage.", "seed") for n in "ab"
    ]
    return Generated(leaf.path, key, samples, Funnel(2, 2, {}, {}))


def changed(recipe: Recipe, path: str, tmp_path: Path) -> Recipe:
    """The recipe with another value in one field."""
    special: dict[str, Callable[[], Any]] = {
        "teacher.engine": lambda: "openai",
        "teacher.model": lambda: f"org/teacher@{'0' * 40}",
        "evaluate.judge.model": lambda: f"org/judge@{'0' * 40}",
        "retrieval.encoder": lambda: f"org/encoder@{'0' * 40}",
        "student.model": partial(_other_student, tmp_path),
        "generate.pipeline": lambda: "full",
        "generate.prompts": partial(_other_prompts, tmp_path),
        "train.method": lambda: "sdft",
        "train.precision": lambda: "fp32",
        "train.general.dataset": partial(_other_dataset, tmp_path),
        "train.general.samples": lambda: 2,
        "train.skills.replay": lambda: 0.25,
        "evaluate.general": partial(_other_questions, tmp_path),
    }
    return _with(recipe, path.split("."), special.get(path))


def _with(value: Any, path: list[str], make: Callable[[], Any] | None) -> Any:
    name, *rest = path
    old = getattr(value, name)
    return replace(value, **{name: _with(old, rest, make) if rest else make() if make else _other(old)})


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, tuple):
        return (*value, "another")
    if isinstance(value, Mapping):
        return {**value, "another": ()}
    return value / "another" if isinstance(value, Path) else f"{value}another"


def _other_student(folder: Path) -> str:
    shutil.copytree(
        model_folder("embedded"), folder / "student", ignore=shutil.ignore_patterns("*.safetensors")
    )
    (folder / "student" / "model.safetensors").write_bytes(b"other weights")
    return str(folder / "student")


def _other_prompts(folder: Path) -> str:
    (folder / "ask.yaml").write_text("turns: [{user: 'Ask something.'}]\n")
    return str(folder)


def _other_dataset(folder: Path) -> str:
    (folder / "general.jsonl").write_text("".join(_row(number) for number in range(10, 14)))
    return str(folder / "general.jsonl")


def _other_questions(folder: Path) -> str:
    (folder / "general.yaml").write_text(
        "version: 1\nquestions:\n  - question: Who sleeps?\n    must_contain: [cat]\n"
    )
    return str(folder / "general.yaml")


def test_each_field_has_its_place(recipe: Recipe) -> None:
    """A field that is new belongs to the inputs of a step, and here; or its metadata is RUNS_ONLY."""
    found = dict(described(recipe))
    assert {path for path, runs_only in found.items() if not runs_only} == PLACED.keys()


@pytest.mark.parametrize("path", [path for path, _ in described(load_recipe(ROOT / "arborist.yaml"))])
def test_another_value_changes_these_keys_and_no_others(recipe: Recipe, path: str, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    before, after = keys(recipe, store), keys(changed(recipe, path, tmp_path), store)
    assert {name for name in before if before[name] != after[name]} == PLACED.get(path, frozenset())


@pytest.mark.parametrize("path", [path for path, _ in described(load_recipe(ROOT / "arborist.yaml"))])
def test_the_plan_of_another_recipe_knows_what_it_entails(recipe: Recipe, path: str, tmp_path: Path) -> None:
    """`compare` needs no model and no files, so the job that reads a pull request can use it."""
    change = compare(recipe, changed(recipe, path, tmp_path))
    wanted = PLACED.get(path, frozenset())
    assert (change.retrains, change.samples) == ("release" in wanted, "all-samples" in wanted)
    assert change.changed == (() if path == "folder" else (path,))
