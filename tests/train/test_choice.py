"""The choice among the models of a phase's last epochs."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.config.profiles import load_profile
from bot.core.sample import Sample
from bot.core.store import Store
from bot.evaluate.examine import Answer, Examination
from bot.inference.models import Model
from bot.pipeline import choose_checkpoint
from bot.pipeline.choose_checkpoint import choice_inputs, choose, model_of
from bot.taxonomy.leaf import ExamQuestion, Leaf
from bot.text.mark_answer import Marking
from bot.train.phase import PhaseInputs, Running, train_phase
from tests import ROOT
from tests.helpers.leaves import knowledge
from tests.helpers.tiny import CONVERSATIONS
from tests.helpers.training import PHASE

WANTED = load_recipe(ROOT / "arborist.yaml").evaluate
INPUTS = PhaseInputs(
    *("knowledge", "tiny", "tiny", "mixture", PHASE, "phased", "fp32"),
    max_length=256,
    adds={},
    weight=1.0,
    checkpoints=2,
    seed=3,
)
SAMPLES = tuple(Sample("a/leaf", "seed", tuple(turns), None, "a test") for turns in CONVERSATIONS)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(str(tmp_path_factory.mktemp("store")))


def chosen(
    tiny: Path, store: Store, monkeypatch: pytest.MonkeyPatch, scores: dict[str, float], leaf: Leaf
) -> dict[str, Any]:
    """What choice.json says, where the models answer these shares of an exam of ten questions."""

    def examine(model: Model, *_: object) -> Examination:
        right = round(10 * scores[model.id.rpartition(".")[2]])
        answers = tuple(Answer("?", "", number < right) for number in range(10))
        return Examination(model.id, {leaf.path: answers}, ())

    monkeypatch.setattr(choose_checkpoint, "examine", examine)
    trained = train_phase(INPUTS, tiny, SAMPLES, Running(tiny, load_profile("cpu", ROOT)), store)
    entry = choose(choice_inputs(INPUTS, [leaf], WANTED), trained, [leaf], WANTED, store)
    found: dict[str, Any] = json.loads((entry.folder() / "choice.json").read_text())
    assert model_of(entry).id == found["model"] == f"{INPUTS.key}.{found['step']}"
    weights = (entry.folder() / "model.safetensors").read_bytes()
    assert weights == (trained.folder() / "models" / str(found["step"]) / "model.safetensors").read_bytes()
    assert not (entry.folder() / "models").exists()
    assert {"metrics.jsonl", "loss.png", "tokenizer.json"} <= {file.name for file in entry.folder().iterdir()}
    return found


@pytest.mark.parametrize(("worth", "step"), [((0.9, 0.5), 76), ((0.5, 0.9), 79), ((0.7, 0.7), 79)])
def test_the_best_is_chosen_and_of_equals_the_later(
    tiny: Path, store: Store, monkeypatch: pytest.MonkeyPatch, worth: tuple[float, float], step: int
) -> None:
    scores = dict(zip(("76", "79"), worth, strict=True))
    leaf = knowledge(exam=(ExamQuestion(f"Is {worth} another choice?", Marking((("yes",),))),))
    assert chosen(tiny, store, monkeypatch, scores, leaf)["step"] == step


def test_other_questions_are_another_choice_and_no_other_training() -> None:
    longer = replace(WANTED, max_new_tokens=WANTED.max_new_tokens + 1)
    keys = {
        choice_inputs(INPUTS, leaves, wanted).key
        for leaves, wanted in (([knowledge()], WANTED), ([], WANTED), ([], longer))
    }
    assert len(keys) == 3
