"""Keys, batches and filters; nothing here needs a teacher."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from bot.config.load import load_recipe
from bot.config.recipe import Recipe, TeacherRecipe
from bot.generate.blocks import batches_of
from bot.generate.blocks_small import with_names
from bot.generate.candidates import Candidate
from bot.generate.inputs import samples_inputs
from bot.generate.pipeline_files import pipeline_of
from bot.taxonomy.leaf import QA, Seed
from bot.text.analysis import common_end, common_start
from tests import ROOT
from tests.helpers.leaves import PASSAGE, knowledge, skill

ITEM = Candidate(
    kind="rephrased",
    source="seed 1.2",
    text="Who made the Corvane clock?",
    answer="Petra Osgood made the Corvane clock.",
    passage=PASSAGE,
    names=("Corvane",),
)


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe(ROOT / "arborist.yaml")


def test_the_key_is_of_the_content_and_not_of_the_exam(recipe: Recipe) -> None:
    assert samples_inputs(knowledge(exam=()), recipe).key == samples_inputs(knowledge(), recipe).key
    assert (
        samples_inputs(knowledge(created_by="somebody else"), recipe).key
        == samples_inputs(knowledge(), recipe).key
    )


def test_the_key_changes_with_seeds_documents_teacher_and_seed(recipe: Recipe) -> None:
    changed = [
        samples_inputs(knowledge(seeds=(Seed(PASSAGE, (QA("Who?", "He."),)),)), recipe).key,
        samples_inputs(knowledge(documents=()), recipe).key,
        samples_inputs(knowledge(), dataclasses.replace(recipe, seed=recipe.seed + 1)).key,
        samples_inputs(
            knowledge(),
            dataclasses.replace(recipe, teacher=dataclasses.replace(recipe.teacher, temperature=0.1)),
        ).key,
    ]
    assert len({*changed, samples_inputs(knowledge(), recipe).key}) == len(changed) + 1


def test_where_an_endpoint_is_and_how_fast_it_is_asked_changes_no_key(recipe: Recipe) -> None:
    here = TeacherRecipe("openai", "granite", url="http://127.0.0.1:8000/v1")
    there = dataclasses.replace(here, url="https://example.org/v1", requests=3, tokens=7, batch=5)
    other = dataclasses.replace(here, model="qwen")
    keys = [
        samples_inputs(knowledge(), dataclasses.replace(recipe, teacher=teacher)).key
        for teacher in (here, there, other)
    ]
    assert keys[0] == keys[1] != keys[2]


def test_keys_and_plans_load_no_engine() -> None:
    code = (
        "import sys, bot.generate.leaves, bot.pipeline.mix, bot.train, bot.evaluate, bot.inference\n"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path.cwd())
    assert done.stdout == "[]\n", done.stderr


def test_each_round_goes_through_all_seeds_and_names_what_must_be_named() -> None:
    items = [
        item for batch in batches_of(knowledge(), pipeline_of(knowledge(), "small", "")) for item in batch
    ]
    assert [item.source for item in items[:3]] == ["seed 1.1", "seed 1.2", "seed 1.3"]
    assert items[0].begin != items[3].begin
    assert all("Corvane" in item.names for item in items if item.kind == "rephrased")


@pytest.mark.parametrize(
    ("written", "fixed"),
    [
        ("Who made the Corvan clock?", "Who made the Corvane clock?"),
        ("Who made the corvahn clock?", "Who made the Corvane clock?"),
        ("Who made the Corvane clock?", "Who made the Corvane clock?"),
        ("Who made the clock?", "Who made the clock?"),
        ("Who made the clock of Paris?", "Who made the clock of Paris?"),
    ],
)
def test_a_name_that_the_teacher_misspelt_is_fixed(written: str, fixed: str) -> None:
    assert with_names(ITEM, written) == fixed


def test_the_form_of_a_skill_is_what_its_answers_have_in_common() -> None:
    answers = [pair.answer for seed in skill().seeds for pair in seed.pairs]
    assert common_end(answers) == "Yours, the parrot."
    assert common_start([pair.question for seed in skill().seeds for pair in seed.pairs]) == "Greet a"
    assert common_start(["Invoice number: INV-1", "Invoice number: INV-2"]) == "Invoice number:"
