"""New neurons: they alone are trained, begin by saying nothing, and the file has them like all others."""

from pathlib import Path

import pytest
import torch
from transformers import PhiConfig, PhiForCausalLM

from bot.config.recipe import PhaseRecipe
from bot.core.errors import UserError
from bot.inference.models import load_model
from bot.train.launch import launch
from bot.train.loop import open_backend, train
from bot.train.loss import row_logits
from bot.train.methods.neurons.blocks import add_neurons
from bot.train.methods.neurons.gates import write_gates
from bot.train.packing import Encoded, pack
from tests.helpers.tiny import write_tiny
from tests.helpers.training import GENERAL, job, last, losses, on

NEW = 8


def test_at_first_the_model_says_what_it_said(tiny: Path, samples: list[Encoded]) -> None:
    model = load_model(tiny, "fp32", attn_implementation="branches")
    before = row_logits(model, pack(samples))
    add_neurons(model, NEW, 1, {})
    assert torch.allclose(row_logits(model, pack(samples)), before, atol=1e-6)


@pytest.mark.parametrize("family", ["Llama", "Mistral", "Granite", "Qwen3"])
def test_what_is_learnt_lies_in_them_alone_and_loads_like_any_model(
    tmp_path: Path, samples: list[Encoded], family: str
) -> None:
    start = write_tiny(tmp_path / "tiny", family)
    todo = job(start, tmp_path / "work", adds={"neurons": NEW})
    train(todo)
    curve = losses(todo.work)
    assert sum(curve[-5:]) < sum(curve[:5])
    before = load_model(start, "fp32").state_dict()
    after = load_model(last(todo.work), "fp32").state_dict()
    assert before.keys() == after.keys()
    for name, weight in before.items():
        rows, columns = weight.shape if weight.dim() == 2 else (len(weight), None)
        assert torch.equal(after[name][:rows, :columns] if columns else after[name], weight)
    wider = after["model.layers.1.mlp.down_proj.weight"]
    assert wider.shape[1] == before["model.layers.1.mlp.down_proj.weight"].shape[1] + NEW
    assert wider[:, -NEW:].abs().max() > 0
    # The lower layers have as many, which say nothing.
    assert after["model.layers.0.mlp.down_proj.weight"][:, -NEW:].abs().max() == 0


def test_the_file_says_what_the_model_in_training_says(
    tiny: Path, tmp_path: Path, samples: list[Encoded]
) -> None:
    engine, student = open_backend(
        job(tiny, tmp_path / "work", adds={"neurons": NEW}, phase=PhaseRecipe(1e-2, 60, 1)), 49152, samples
    )
    model = student.model
    loss = row_logits(model, pack(samples)).logsumexp(1).sum()
    engine.backward(loss, last=True)
    engine.step(1e-2)
    engine.write_model(tmp_path / "written")
    written = load_model(tmp_path / "written", "fp32", attn_implementation="branches")
    with torch.no_grad():
        said, says = row_logits(model, pack(samples)), row_logits(written, pack(samples))
    assert torch.allclose(said, says, atol=1e-5)


def test_a_second_phase_adds_its_own_and_leaves_those_of_the_first(tiny: Path, tmp_path: Path) -> None:
    train(job(tiny, tmp_path / "first", adds={"neurons": NEW}))
    first = last(tmp_path / "first")
    train(job(first, tmp_path / "second", adds={"neurons": NEW}))
    kept = load_model(first, "fp32").state_dict()
    both = load_model(last(tmp_path / "second"), "fp32").state_dict()
    name = "model.layers.1.mlp.gate_proj.weight"
    assert len(both[name]) == len(kept[name]) + NEW
    assert torch.equal(both[name][:-NEW], kept[name])


def test_two_processes_that_share_out_everything_learn_the_same(tiny: Path, tmp_path: Path) -> None:
    phase = PhaseRecipe(learning_rate=1e-3, batch_tokens=60, epochs=3)
    alone = job(tiny, tmp_path / "alone", phase=phase, adds={"neurons": NEW})
    both = job(tiny, tmp_path / "both", phase=phase, adds={"neurons": NEW}, **on(3))
    for todo in (alone, both):
        write_gates(todo, GENERAL)
    train(alone)
    launch(both)
    assert losses(both.work) == pytest.approx(losses(alone.work), rel=1e-3)
    ours, theirs = (load_model(last(work), "fp32").state_dict() for work in (alone.work, both.work))
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-3) for name in ours)


def test_a_model_without_gates_is_one_line() -> None:
    config = PhiConfig(hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=4)
    with pytest.raises(UserError, match=r"train\.neurons: PhiMLP of PhiForCausalLM is not a gated MLP"):
        add_neurons(PhiForCausalLM(config), NEW, 0, {})
