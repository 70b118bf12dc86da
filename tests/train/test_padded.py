"""Students whose rows cannot be packed: padded rows, the same loss, and everything else as for the others."""

import json
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from bot.config.recipe import PhaseRecipe
from bot.inference.models import load_tokenizer
from bot.train.distillation import likely_tokens
from bot.train.loop import prepare, tell_way, train
from bot.train.loss import row_loss
from bot.train.methods.neurons.gates import _read
from bot.train.packing import Encoded
from bot.train.padding import SPREAD, padded, split_padded
from bot.train.student import MOST_BALANCE, load_student
from tests.helpers.families import PHASE, VOCABULARY, write_family
from tests.helpers.training import job, last, losses, on, run_and_kill

HYBRID = "Qwen 3.5"
LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=60)


def encoded(folder: Path) -> list[Encoded]:
    return prepare(job(folder, folder), load_tokenizer(folder))


def changed(folder: Path, **fields: object) -> Path:
    """Change fields of a model's config.json."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | fields))
    return folder


@given(LENGTHS, st.integers(50, 500), st.integers(1, 4))
def test_a_step_is_shared_out_whole_over_rows_of_similar_samples(
    lengths: list[int], longest: int, processes: int
) -> None:
    rows = split_padded(range(len(lengths)), lengths, longest, processes)
    assert sorted(chain.from_iterable(rows)) == list(range(len(lengths)))
    assert len(rows) % processes == 0
    assert len([row for row in rows if not row]) < processes
    for own in ([lengths[sample] for sample in row] for row in rows if row):
        assert len(own) == 1 or len(own) * max(own) <= longest
        assert max(own) <= SPREAD * min(own)


def test_padding_is_not_counted_and_its_targets_are_the_samples_own(tmp_path: Path) -> None:
    start = write_family(tmp_path, HYBRID)
    samples = encoded(start)
    row = padded(samples)
    assert row.tokens == sum(len(sample.ids) - 1 for sample in samples) < row.ids.numel()
    learnt = [token for sample in samples for token in sample.ids[sample.learnt :]]
    assert row.targets[:, 0].tolist() == learnt
    # Also where the base's probabilities are learnt in place of an answer.
    model = load_student(start, "fp32", VOCABULARY, samples).model
    likely = likely_tokens(start, samples, "fp32", VOCABULARY)
    mixed = [replace(samples[0], likely=likely[0]), *samples[1:]]
    apart = sum(row_loss(model, padded([sample])).item() for sample in mixed)
    assert row_loss(model, padded(mixed)).item() == pytest.approx(apart, rel=1e-5)


def test_killed_on_several_processes_and_run_again_on_one_it_goes_on_with_the_same_losses(
    tmp_path: Path,
) -> None:
    start = write_family(tmp_path / "base", HYBRID)
    phase = PhaseRecipe(learning_rate=1e-3, batch_tokens=150, epochs=8)
    undisturbed = job(start, tmp_path / "undisturbed", phase=phase)
    train(undisturbed)
    work = tmp_path / "killed"
    run_and_kill(start, work, phase=phase, **on(2))
    train(job(start, work, phase=phase))
    assert losses(work) == pytest.approx(losses(undisturbed.work), rel=1e-3)


@pytest.mark.parametrize("name", ["Mixtral", "gpt-oss"], ids=["packed", "padded"])
def test_a_mixture_of_experts_keeps_its_balance_which_is_not_recorded(tmp_path: Path, name: str) -> None:
    start = changed(write_family(tmp_path, name), router_aux_loss_coef=0.9)
    samples = encoded(start)
    student = load_student(start, "fp32", VOCABULARY, samples)
    assert student.balance == MOST_BALANCE
    loss, balance = student.losses(student.row(samples))
    plain, none = replace(student, balance=0.0).losses(student.row(samples))
    assert loss.item() == pytest.approx(plain.item())
    assert none == 0.0
    # The loss is that of Switch Transformers, two experts a token being chosen, for each learned token.
    each = torch.as_tensor(balance).item() / (
        MOST_BALANCE * sum(len(sample.ids) - sample.learnt for sample in samples)
    )
    assert each == pytest.approx(2.0, rel=0.1)
    weights = student.model.named_parameters()
    routers = [weight for weight_of, weight in weights if "router" in weight_of or ".gate." in weight_of]
    gradients = torch.autograd.grad(torch.as_tensor(balance), routers, allow_unused=True)
    assert any(gradient is not None and gradient.abs().max() > 0 for gradient in gradients)


def test_a_sample_longer_than_the_window_is_padded_and_that_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = changed(write_family(tmp_path / "base", "Gemma 3"), sliding_window=20)
    tell_way.cache_clear()
    for work in ("one", "two"):
        train(job(start, tmp_path / work, phase=PHASE))
    [said] = [line for line in capsys.readouterr().err.splitlines() if "not packed" in line]
    assert "Gemma3ForCausalLM: samples are padded" in said
    assert "tokens, and its sliding window 20" in said


def test_weights_of_four_bits_are_trained_and_saved_in_full(tmp_path: Path) -> None:
    """As gpt-oss's experts are on the Hub."""
    start = write_family(tmp_path / "base", "gpt-oss")
    write_quantized(start)
    train(job(start, tmp_path / "work", phase=PHASE))
    written = last(tmp_path / "work")
    assert "quantization_config" not in json.loads((written / "config.json").read_text())
    loaded = AutoModelForCausalLM.from_pretrained(written, output_loading_info=True)[1]
    assert not loaded["missing_keys"]
    assert not loaded["unexpected_keys"]


def write_quantized(folder: Path) -> None:
    """Replace the experts' weights of a saved model by random ones in MXFP4: blocks of 32 with one scale."""
    weights = load_file(folder / "model.safetensors")
    for name in [name for name in weights if name.endswith(("gate_up_proj", "down_proj"))]:
        experts, inputs, outputs = weights.pop(name).shape
        sizes = (experts, outputs, inputs // 32)
        weights[f"{name}_blocks"] = torch.randint(0, 256, (*sizes, 16), dtype=torch.uint8)
        weights[f"{name}_scales"] = torch.full(sizes, 122, dtype=torch.uint8)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    kept = ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]
    changed(folder, quantization_config={"quant_method": "mxfp4", "modules_to_not_convert": kept})


def test_gates_are_found_from_the_same_tokens_in_rows_of_both_kinds(tmp_path: Path) -> None:
    start = write_family(tmp_path, "Llama")
    samples = encoded(start)
    packed, other = (load_student(start, "fp32", VOCABULARY, samples) for _ in range(2))
    other.model.set_attn_implementation("sdpa")
    alone = replace(other, unpacked="for this test")
    for whole in (True, False):
        ours, theirs = (_read(student, [1], samples, whole=whole)[1] for student in (packed, alone))
        assert len(ours) == len(theirs)
        assert torch.allclose(ours.sum(0), theirs.sum(0), atol=1e-3)
