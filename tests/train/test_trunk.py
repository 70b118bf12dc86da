"""The lower layers, which do not learn: computed once a sample, and nothing else changes by it."""

from pathlib import Path

import pytest
import torch

from bot.config.recipe import PhaseRecipe
from bot.inference.models import load_model
from bot.train.job import Job
from bot.train.loop import open_backend, train
from bot.train.loss import row_logits
from bot.train.methods.neurons import trunk
from bot.train.packing import Encoded, pack
from tests.helpers.tiny import write_tiny
from tests.helpers.training import job, losses

NEW = 8
PHASE = PhaseRecipe(learning_rate=1e-2, batch_tokens=60, epochs=4)


@pytest.mark.parametrize("family", ["Llama", "Mistral", "Granite", "Qwen3"])
def test_the_same_is_learnt_and_lower_layers_are_computed_in_the_first_epoch_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    start = write_tiny(tmp_path / "tiny", family)
    computed = count_lower(monkeypatch)
    train(stated(start, tmp_path / "kept"))
    curve, kept = losses(tmp_path / "kept"), computed.pop()
    monkeypatch.setattr(trunk, "ROOM", 0)
    train(stated(start, tmp_path / "always"))
    assert curve == pytest.approx(losses(tmp_path / "always"), rel=1e-5)
    # An epoch ends within a step, so a step of both is computed once more.
    assert kept <= len(curve) / 4 + 1
    assert computed.pop() == len(curve)


def test_a_row_of_samples_that_were_met_in_other_rows(
    tiny: Path, tmp_path: Path, samples: list[Encoded]
) -> None:
    plain = load_model(tiny, "fp32", attn_implementation="branches")
    model = open_backend(stated(tiny, tmp_path / "work"), 49152, samples)[1].model
    rows = (samples[:2], samples[2:], [samples[3], *samples[:3]], samples[1:2])
    with torch.no_grad():
        for row in rows:
            assert torch.allclose(row_logits(model, pack(row)), row_logits(plain, pack(row)), atol=1e-5)


def stated(start: Path, work: Path) -> Job:
    return job(start, work, adds={"neurons": NEW}, phase=PHASE)


def count_lower(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often lower layers were computed, by training; one number for each model."""
    counts: list[int] = []

    class Counted(trunk.Trunk):
        def __init__(self, model: torch.nn.Module, count: int) -> None:
            counts.append(0)
            model.model.layers[0].self_attn.register_forward_hook(self.add)
            super().__init__(model, count)

        def add(self, *_: object) -> None:
            counts[-1] += 1

    monkeypatch.setattr("bot.train.methods.neurons.trunk.Trunk", Counted)
    return counts
