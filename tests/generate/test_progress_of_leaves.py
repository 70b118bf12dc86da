"""The row that tells how far the samples of a leaf are."""

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path

from bot.config.load import load_recipe
from bot.config.recipe import Recipe, TeacherRecipe
from bot.core.store import Store
from bot.generate.inputs import samples_inputs
from bot.generate.leaves import COLUMNS, generate_leaf
from bot.inference.teacher import open_teacher
from tests import ROOT
from tests.helpers.faulty_endpoint import answer, endpoint
from tests.helpers.leaves import knowledge

WANTED = 3


def rows(folder: Path, url: str) -> list[dict[str, str]]:
    """The rows that are shown while the leaf gets its samples."""
    shipped = load_recipe(ROOT / "arborist.yaml")
    recipe: Recipe = dataclasses.replace(
        shipped,
        teacher=TeacherRecipe("openai", "few-words", url=url, temperature=0.0),
        generate=dataclasses.replace(shipped.generate, samples=WANTED),
    )
    shown: list[dict[str, str]] = []

    def show(name: str, cells: Sequence[str]) -> None:
        shown.append(dict(zip(COLUMNS, cells, strict=True)))

    inputs = samples_inputs(knowledge(), recipe)
    generate_leaf(inputs, Store(str(folder)), open_teacher(recipe), show=show)
    # What a run would find that was killed before it had put the batches together.
    shutil.rmtree(folder / inputs.STEP)
    return shown


def test_more_samples_than_wanted_are_no_share_of_them_and_those_of_the_store_have_no_speed(
    tmp_path: Path,
) -> None:
    with endpoint(answer) as served:
        first, *_, made = rows(tmp_path, served.url)
        *_, found = rows(tmp_path, served.url)
    assert first["samples"] == f"0/{WANTED}"
    assert int(made["samples"]) > WANTED
    assert made["tokens/s"]
    assert not made[""]
    assert (found["samples"], found["tokens/s"], found[""]) == (made["samples"], "", "from the store")
