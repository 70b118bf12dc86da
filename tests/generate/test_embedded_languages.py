"""The embedded teacher, which knows little but English, on leaves in German and Japanese."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.config.load import load_recipe
from bot.config.recipe import Recipe
from bot.core.store import Store
from bot.generate import pipeline_files as pipelines
from bot.generate.inputs import samples_inputs
from bot.generate.leaf_language import language_of_leaf
from bot.generate.leaves import generate_leaf
from bot.inference.engine import Engine
from bot.inference.teacher import open_teacher
from bot.taxonomy.leaf import Leaf
from bot.text.detect import foreign
from tests import ROOT
from tests.helpers.languages import german, japanese

CANDIDATES = 4


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    shipped = load_recipe(ROOT / "arborist.yaml")
    return dataclasses.replace(shipped, generate=dataclasses.replace(shipped.generate, samples=1, batches=1))


@pytest.fixture(scope="module")
def teacher(recipe: Recipe) -> Iterator[Engine]:
    opened = open_teacher(recipe)
    yield opened
    opened.close()


@pytest.mark.parametrize("leaf", [german(), japanese()], ids=["German", "Japanese"])
def test_every_sample_is_in_the_leafs_language_or_dropped(
    leaf: Leaf, recipe: Recipe, teacher: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = pipelines.pipeline_of
    monkeypatch.setattr(
        "bot.generate.inputs.pipeline_of", lambda *args: dataclasses.replace(read(*args), batch=CANDIDATES)
    )
    made = generate_leaf(samples_inputs(leaf, recipe), Store(str(tmp_path)), teacher)
    funnel = made.funnel
    assert funnel.candidates == CANDIDATES == funnel.accepted + sum(funnel.dropped.values())
    assert funnel.accepted or any("No sample came from the teacher" in note for note in funnel.notes)
    spoken = language_of_leaf(leaf).asked
    assert len(made.samples) >= 5
    for sample in made.samples:
        for _, text in sample.messages:
            assert not foreign(text, spoken), text
