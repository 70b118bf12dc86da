"""Checkpoints as files: whole, or one line that says what to do."""

from pathlib import Path

import pytest
import torch

from bot.config.recipe import PhaseRecipe
from bot.core.errors import UserError
from bot.train.checkpoint import Progress, load_checkpoint, save_checkpoint
from bot.train.optimizer import MasterAdamW

PROGRESS = Progress(3, 100, 1.5)


def two_layers() -> torch.nn.ModuleDict:
    return torch.nn.ModuleDict({"met": torch.nn.Linear(2, 2), "unmet": torch.nn.Linear(2, 2)})


def test_a_weight_that_no_sample_came_by_is_kept_too(tmp_path: Path) -> None:
    """An expert's, say, to which no token was sent."""
    model = two_layers()
    optimizer = MasterAdamW(model, PhaseRecipe(1e-2, 10, 1))
    model["met"](torch.ones(1, 2)).sum().backward()
    optimizer.step(1e-2)
    save_checkpoint(tmp_path, PROGRESS, optimizer.states())
    again = two_layers()
    kept = load_checkpoint(tmp_path)
    assert kept is not None and kept.progress == PROGRESS
    MasterAdamW(again, PhaseRecipe(1e-2, 10, 1)).restore(kept)
    assert all(torch.equal(*both) for both in zip(model.parameters(), again.parameters(), strict=True))
    assert not kept.states("unmet.weight")["exp_avg"].any()


@pytest.mark.parametrize("file", ["progress.json", "00000.safetensors"])
def test_a_file_that_is_cut_short_is_one_line(tmp_path: Path, file: str) -> None:
    save_checkpoint(tmp_path, PROGRESS, [("a", {"weight": torch.ones(2)})])
    damaged = tmp_path / "checkpoint" / file
    damaged.write_bytes(damaged.read_bytes()[:10])
    with pytest.raises(
        UserError, match=r"checkpoint: this checkpoint is damaged \(.*delete it and run again"
    ):
        load_checkpoint(tmp_path)


def test_another_models_checkpoint_is_one_line(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, PROGRESS, [("a", {"weight": torch.ones(2)})])
    kept = load_checkpoint(tmp_path)
    assert kept is not None
    with pytest.raises(UserError, match=r"damaged \(b\.weight is missing\)"):
        kept.states("b")
