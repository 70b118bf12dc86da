"""The choice among a phase's last models."""

import json
from pathlib import Path

import pytest

from bot.train import choice
from tests.train.test_loop import job, train


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
    choice.choose(work, "k", lambda folder, model: judged[model])
    told = json.loads((work / "model" / "choice.json").read_text())
    assert told["step"] == chosen
    weights = (work / "model" / "model.safetensors").read_bytes()
    assert weights == (work / "candidates" / str(chosen) / "model.safetensors").read_bytes()
    assert "candidates by step: 76 has" in capsys.readouterr().err


def test_a_choice_that_was_cut_short_is_made_again_among_all(work: Path) -> None:
    choice.choose(work, "k", lambda folder, model: float(model == "k.76"))
    choice.choose(work, "k", lambda folder, model: float(model == "k.79"))
    assert json.loads((work / "model" / "choice.json").read_text())["step"] == 79
