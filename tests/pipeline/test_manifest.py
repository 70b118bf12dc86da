"""The manifest of a release: what the schema accepts, and where the answers are that it counts."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.config.recipe import JudgeRecipe
from bot.core.errors import UserError
from bot.core.store import Store
from bot.evaluate.examine import Answer, Compared, Examination, exam_inputs
from bot.evaluate.exams import ExamItem, exam_of
from bot.evaluate.gate import Verdict
from bot.evaluate.near_misses import near_misses
from bot.evaluate.retention import retention
from bot.generate.leaf_samples import Funnel, Generated
from bot.inference.models import Model, model_revision
from bot.pipeline.manifest import Made, describe
from bot.pipeline.mix import Mixture
from bot.pipeline.origin import Origin
from bot.pipeline.train import Taught
from bot.release.card import model_card
from bot.release.manifest import check_manifest
from bot.release.results_chart import results_chart
from bot.taxonomy.leaf import Work
from bot.train.phase import Phase
from tests import ROOT
from tests.helpers.leaves import knowledge, skill
from tests.helpers.manifests import GATE

SHIPPED = load_recipe(ROOT / "arborist.yaml")
RECIPE = replace(SHIPPED, evaluate=replace(SHIPPED.evaluate, judge=JudgeRecipe("embedded")))
WORK = Work("The Corvane clock", "https://clocks.example", "CC-BY-4.0", "Petra Osgood")
LEAVES = (knowledge(attribution=(WORK,)), skill())
KEY = "a" * 64


def answers(questions: Sequence[ExamItem], right: Sequence[bool]) -> tuple[Answer, ...]:
    return tuple(
        Answer(item.question, "Osgood", one)
        for item, one in zip(questions, [*right, *[False] * 99], strict=False)
    )


def examination(model: str, *right: bool) -> Examination:
    """The answers of a model."""
    return Examination(
        model,
        {
            knowledge().path: tuple(replace(one, judged=True) for one in answers(exam_of(LEAVES[0]), right)),
            skill().path: answers(exam_of(LEAVES[1]), right),
        },
        answers(retention(""), right),
        near={leaf.path: answers(near_misses(leaf), right) for leaf in LEAVES},
    )


@pytest.fixture
def manifest(tmp_path: Path) -> dict[str, Any]:
    """The manifest of a first release."""
    store = Store(str(tmp_path / "store"))

    def mixture(phase: Phase) -> Mixture:
        return Mixture(phase, KEY, (), {}, KEY, {}, {})

    def taught(step: str) -> Taught:
        return Taught(Model(tmp_path, f"{step}-model"), store.put(step, KEY, {}, {"model.safetensors": b"w"}))

    examined = Compared(
        base=examination("base", True),
        before=examination("before", True, False, False),
        after=examination("skills-model", False, True, True),
    )
    samples = [Generated(leaf.path, KEY, (), Funnel(0, 0, {}, {})) for leaf in LEAVES]
    made = Made(
        KEY,
        samples,
        (mixture("knowledge"), mixture("skills")),
        taught("knowledge"),
        taught("skills"),
        examined,
        Verdict((), report=GATE),
    )
    made_manifest = describe(made, LEAVES, RECIPE, Origin("lab/taxonomy", "b" * 40), None)
    return made_manifest | {"files": ["README.md"], "signature": {"method": "none"}}


def test_it_matches_its_schema(manifest: dict[str, Any]) -> None:
    check_manifest(manifest)


def test_a_manifest_that_does_not_match_is_one_line(manifest: dict[str, Any]) -> None:
    del manifest["leaves"][0]["attribution"]
    with pytest.raises(UserError, match=r"^manifest: leaves\.0: .*attribution.*; nothing was published$"):
        check_manifest(manifest)


def test_it_names_the_works_of_each_leaf(manifest: dict[str, Any]) -> None:
    first, second = manifest["leaves"]
    assert first["attribution"] == [
        {
            "title": "The Corvane clock",
            "link": "https://clocks.example",
            "licence": "CC-BY-4.0",
            "creators": "Petra Osgood",
        }
    ]
    assert second["attribution"] == []


def test_it_counts_the_answers_that_changed(manifest: dict[str, Any]) -> None:
    exam = manifest["leaves"][1]["exam"]
    assert (exam["before"]["right"], exam["lost"], exam["gained"], exam["after"]["right"]) == (1, 1, 2, 2)
    kept = manifest["examined"]["retention"]
    assert (kept["before"], kept["lost"], kept["gained"], kept["after"]) == (1, 1, 2, 2)


def test_it_and_the_card_say_what_a_judge_marked(manifest: dict[str, Any]) -> None:
    first, second = (row["exam"] for row in manifest["leaves"])
    assert (first["judged"], "judged" in second) == (first["after"]["asked"], False)
    judge = {"name": "HuggingFaceTB/SmolLM2-135M-Instruct", "revision": model_revision("embedded")}
    assert manifest["examined"]["judge"] == judge | {"prompt": 1}
    card = " ".join(model_card(manifest, None).split())
    assert f"marked **by a judge**, the model {judge['name']} at revision `{judge['revision']}`" in card
    assert "By a judge: 1 of 1 questions of `knowledge/clocks/corvane`." in card


def test_its_keys_lead_to_the_answers_of_the_released_model(manifest: dict[str, Any]) -> None:
    def key(questions: Sequence[ExamItem]) -> str:
        return exam_inputs("skills-model", questions, RECIPE.evaluate).key

    for leaf, row in zip(LEAVES, manifest["leaves"], strict=True):
        assert row["exam"]["answers"] == key(exam_of(leaf))
        assert row["near_misses"]["answers"] == key(near_misses(leaf))
    assert manifest["examined"]["retention"]["answers"] == key(retention(""))


def test_the_card_and_the_picture_are_made_of_it(manifest: dict[str, Any]) -> None:
    card = model_card(manifest, manifest)
    assert "HuggingFaceTB/SmolLM2-135M-Instruct, licence apache-2.0" in card
    assert "`knowledge/clocks/corvane`: The Corvane clock, by Petra Osgood. Licence: CC-BY-4.0." in card
    assert results_chart(manifest).startswith(b"\x89PNG")
