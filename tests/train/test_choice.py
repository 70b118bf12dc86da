"""The choice among a phase's last models."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.mix import Mixture
from bot.recipe import load_recipe
from bot.store import Store
from bot.train import choice, train_phase
from tests import ROOT
from tests.train.test_loop import job, train


def judge(worth: dict[str, float]) -> choice.Judge:
    return choice.Judge(lambda folder, model: worth[model], "what they ask")


@pytest.fixture(scope="module")
def work(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phase")
    train(job(tiny, folder, candidates=2))
    return folder


def test_the_model_is_kept_at_the_end_of_the_last_epochs(work: Path) -> None:
    steps = sorted(int(folder.name) for folder in (work / "candidates").iterdir())
    assert steps == [76, 79]


@pytest.mark.parametrize(("worth", "chosen"), [((0.9, 0.5), 76), ((0.5, 0.9), 79), ((0.7, 0.7), 79)])
def test_the_best_goes_on_and_of_equals_the_later(
    work: Path, worth: tuple[float, float], chosen: int, capsys: pytest.CaptureFixture[str]
) -> None:
    judged = dict(zip(("k.76", "k.79"), worth, strict=True))
    choice.choose(work, "k", judge(judged))
    told = json.loads((work / "model" / "choice.json").read_text())
    assert told["step"] == chosen
    weights = (work / "model" / "model.safetensors").read_bytes()
    assert weights == (work / "candidates" / str(chosen) / "model.safetensors").read_bytes()
    assert "candidates by step: 76 has" in capsys.readouterr().err


def test_other_questions_are_another_model_only_where_there_is_a_choice(tiny: Path, tmp_path: Path) -> None:
    def key(candidates: int, asks: str) -> str:
        recipe = load_recipe(ROOT / "arborist.yaml")
        stated = replace(recipe.train, candidates=candidates)
        nothing = Mixture("knowledge", "key", (), {}, "content", {}, {})
        asked = choice.Judge(lambda folder, model: 1.0, asks)
        stated_recipe = replace(recipe, train=stated)
        return train_phase("knowledge", tiny, "tiny", nothing, stated_recipe, Store(tmp_path), asked).key

    assert key(1, "these") == key(1, "those")
    assert key(2, "these") != key(2, "those")


def test_a_choice_that_was_cut_short_is_made_again_among_all(work: Path) -> None:
    choice.choose(work, "k", judge({"k.76": 1.0, "k.79": 0.0}))
    choice.choose(work, "k", judge({"k.76": 0.0, "k.79": 1.0}))
    assert json.loads((work / "model" / "choice.json").read_text())["step"] == 79
