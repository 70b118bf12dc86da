"""Generation from an endpoint where things go wrong: all samples that can be had; a word for the rest."""

import dataclasses
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.config.load import load_recipe
from bot.config.recipe import Recipe, TeacherRecipe
from bot.core.errors import UserError
from bot.core.sample import Sample
from bot.core.store import Store
from bot.generate import pipeline_files as pipelines
from bot.generate.inputs import samples_inputs
from bot.generate.leaf_samples import Generated
from bot.generate.leaves import check_complete, generate_leaf
from bot.inference import engine_openai as module
from bot.inference.teacher import open_teacher
from tests import ROOT
from tests.helpers.faulty_endpoint import PASSING, Call, Fault, answer, endpoint
from tests.helpers.leaves import knowledge


@pytest.fixture(autouse=True)
def _soon_and_in_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_WAIT_S", 0.01)
    read = pipelines.pipeline_of
    monkeypatch.setattr(
        "bot.generate.inputs.pipeline_of", lambda *args: dataclasses.replace(read(*args), batch=2)
    )


@pytest.fixture
def recipe() -> Recipe:
    shipped = load_recipe(ROOT / "arborist.yaml")
    teacher = TeacherRecipe("openai", "few-words", temperature=0.0, requests=8)
    return dataclasses.replace(
        shipped, teacher=teacher, generate=dataclasses.replace(shipped.generate, samples=100, batches=40)
    )


def generate(recipe: Recipe, folder: Path, fault: Fault) -> tuple[Generated, int]:
    """What comes of the leaf, and how many requests it took."""
    with endpoint(fault) as served:
        told = dataclasses.replace(recipe, teacher=dataclasses.replace(recipe.teacher, url=served.url))
        teacher = open_teacher(told)
        teacher.timeout_s = 1.0  # type: ignore[attr-defined]
        made = generate_leaf(samples_inputs(knowledge(), told), Store(str(folder)), teacher)
        return made, sum(served.calls.values())


def asked(made: Generated) -> set[Sample]:
    """The teacher's own."""
    return {sample for sample in made.samples if sample.kind == "rephrased"}


@pytest.fixture
def undisturbed(recipe: Recipe, tmp_path: Path) -> Generated:
    made, _ = generate(recipe, tmp_path / "undisturbed", answer)
    assert made.funnel.accepted > 8
    return made


def disturbed(seed: int) -> Fault:
    """Each prompt goes wrong in one of the ways that pass before it is answered."""
    draw = random.Random(seed)
    ways = [fault for name, fault in PASSING.items() if name != "silence"]

    def fault(call: Call) -> None:
        draw.choice(ways)(call) if call.number == 1 else answer(call)

    return fault


def test_what_passes_makes_no_difference_to_the_samples(
    recipe: Recipe, tmp_path: Path, undisturbed: Generated
) -> None:
    made, _ = generate(recipe, tmp_path / "store", disturbed(7))
    assert list(made.samples) == list(undisturbed.samples)
    assert made.failed == 0
    check_complete([made])


def test_what_cannot_be_had_is_said_and_asked_again_by_the_next_run_alone(
    recipe: Recipe, tmp_path: Path, undisturbed: Generated
) -> None:
    def partly(call: Call) -> None:
        call.refuse(500) if "When was" in call.prompt else answer(call)

    made, first = generate(recipe, tmp_path / "store", partly)
    assert asked(made) < asked(undisturbed)
    assert made.funnel.dropped["no answer"] == made.failed > 0
    with pytest.raises(UserError, match=r"the teacher returned 500, 5 times; .* in the store, run again"):
        check_complete([made])
    assert Store(str(tmp_path / "store")).get("samples", made.key) is None
    fixed, second = generate(recipe, tmp_path / "store", answer)
    assert list(fixed.samples) == list(undisturbed.samples)
    assert fixed.reused > 0
    again, third = generate(recipe, tmp_path / "store", answer)
    assert list(again.samples) == list(undisturbed.samples)
    assert third == 0
    assert second < first


def test_what_is_refused_for_ever_does_not_keep_a_leaf_from_its_end(recipe: Recipe, tmp_path: Path) -> None:
    made, _ = generate(
        recipe, tmp_path, lambda call: call.refuse(400) if "When" in call.prompt else answer(call)
    )
    assert made.funnel.dropped["refused"] > 0
    check_complete([made])
    assert Store(str(tmp_path)).get("samples", made.key) is not None


def test_an_endpoint_that_repeats_what_it_is_asked_gives_no_sample_and_the_funnel_says_why(
    recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, _ = generate(recipe, tmp_path, lambda call: call.answer(call.prompt.partition("\n\nBegin")[0]))
    assert made.funnel.accepted == 0
    assert made.funnel.dropped["same"] > 0
    assert "0 of 100 samples accepted" in capsys.readouterr().err


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    yield
