"""An ensemble: sets of new neurons learn apart, and one model has them all."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bot.config.load import load_recipe
from bot.config.recipe import PhaseRecipe
from bot.core.errors import UserError
from bot.inference.models import load_model, load_tokenizer
from bot.train.job import Job
from bot.train.loop import train
from bot.train.methods.neurons.ensemble import SHARE, sets_of, train_sets
from bot.train.methods.neurons.gates import write_gates
from tests import ROOT
from tests.helpers.training import GENERAL, job, last, losses

NEW, SETS = 8, 3
PHASE = PhaseRecipe(learning_rate=1e-2, batch_tokens=60, epochs=4)


def find_gates(of: Job) -> None:
    write_gates(of, GENERAL)


@pytest.fixture(scope="module")
def whole(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    whole = job(tiny, tmp_path_factory.mktemp("ensemble"), adds={"neurons": NEW}, phase=PHASE)
    train_sets(whole, SETS, find_gates, train)
    return whole


def test_each_block_says_its_own_and_the_sets_share_of_what_each_learnt(whole: Job) -> None:
    base, joined = load_model(whole.start, "fp32"), load_model(last(whole.work), "fp32")
    sets = [load_model(last(one.work), "fp32") for one in sets_of(whole, SETS)]
    read = torch.randn(5, 32).to(base.device)

    def said(model: Any) -> torch.Tensor:
        said: torch.Tensor = model.model.layers[1].mlp(read)
        return said

    new = [said(model) - said(base) for model in sets]
    assert all(one.abs().max() > 1e-4 for one in new)
    assert torch.allclose(said(joined), said(base) + SHARE * torch.stack(new).mean(0), atol=1e-5)


def test_the_sets_begin_with_other_neurons_and_other_gates(whole: Job) -> None:
    models = [load_model(last(one.work), "fp32").state_dict() for one in sets_of(whole, SETS)]
    for matrix in ("gate_proj", "up_proj"):
        first, second, _ = (model[f"model.layers.1.mlp.{matrix}.weight"][-NEW:] for model in models)
        assert not torch.allclose(first, second, atol=1e-2)


def test_the_model_is_wider_by_all_of_them_and_loads_like_any(whole: Job) -> None:
    folder = last(whole.work)
    told = json.loads((folder / "config.json").read_text())
    before = json.loads((whole.start / "config.json").read_text())
    assert told["intermediate_size"] == before["intermediate_size"] + SETS * NEW
    assert load_tokenizer(folder)("Who?")["input_ids"]


def test_the_metrics_go_on_from_set_to_set(whole: Job) -> None:
    lines = [json.loads(line) for line in (whole.work / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    curves = [losses(one.work) for one in sets_of(whole, SETS)]
    assert [line["loss"] for line in lines] == [loss for curve in curves for loss in curve]
    assert all(sum(curve[-3:]) < sum(curve[:3]) for curve in curves)
    assert len(list((whole.work / "tensorboard").glob("set-*/events*"))) == SETS


def test_after_a_kill_only_what_is_missing_is_learnt(whole: Job, tmp_path: Path) -> None:
    again = replace(whole, work=tmp_path / "again")
    shutil.copytree(whole.work, again.work)
    shutil.rmtree(again.work / "models")
    (again.work / "sets" / "1" / "trained").unlink()
    learnt: list[str] = []

    def note(one: Job) -> None:
        learnt.append(one.part)
        train(one)

    train_sets(again, SETS, find_gates, note)
    assert learnt == [", set 2 of 3"]
    ours, theirs = (load_model(last(one.work), "fp32").state_dict() for one in (whole, again))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_an_ensemble_without_new_neurons_is_one_line(tmp_path: Path) -> None:
    recipe = tmp_path / "arborist.yaml"
    text = (ROOT / "arborist.yaml").read_text()
    recipe.write_text(
        text.replace("neurons: 128", "neurons: 0").replace("epochs: 3\n", "epochs: 3\n    ensemble: 2\n")
    )
    with pytest.raises(UserError, match=r"ensemble needs new neurons; set their number"):
        load_recipe(recipe)
