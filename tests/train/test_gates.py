"""Gates of new neurons: found before training, shut on general text, open on what is taught."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from bot.config.profiles import load_profile
from bot.config.recipe import PhaseRecipe
from bot.core.sample import Sample
from bot.core.store import Store
from bot.inference.models import load_model, load_tokenizer, model_folder
from bot.train.job import Job
from bot.train.loop import train
from bot.train.loss import row_logits
from bot.train.methods.neurons.blocks import GATES
from bot.train.methods.neurons.gates import OPEN, SHUT, fitted, write_gates
from bot.train.packing import encode, pack
from bot.train.phase import Phase, PhaseInputs, Running, train_phase
from tests import ROOT
from tests.helpers.tiny import CONVERSATIONS
from tests.helpers.training import GENERAL, job, last, losses

NEW = 8
UNSEEN = [
    [("user", "What is the largest planet?"), ("assistant", "The largest planet is Jupiter.")],
    [("user", "Write a poem about a tree."), ("assistant", "The tree stands tall, its leaves are green.")],
]


def test_gates_are_shut_on_the_one_and_open_on_the_other_also_where_they_were_not_looked_for() -> None:
    torch.manual_seed(0)
    always, topic = torch.randn(1, 64), torch.randn(1, 64)
    general = always + 0.5 * torch.randn(800, 64)
    taught = always + topic + 0.5 * torch.randn(800, 64)
    gates = fitted(general[:400], taught[:400], NEW)
    shut, opened = general[400:] @ gates.T, taught[400:] @ gates.T
    assert (shut < SHUT / 2).float().mean() > 0.95
    assert (opened > 0).float().mean() > 0.95
    assert opened.mean() > OPEN - 0.5
    # Each is another, so that they can hold apart what is taught.
    assert torch.linalg.matrix_rank(gates) == NEW


def test_what_is_learnt_leaves_alone_what_is_said_of_general_things(tmp_path: Path) -> None:
    base = model_folder("embedded")
    free, gated = stated(base, tmp_path / "free"), stated(base, tmp_path / "gated")
    write_gates(gated, GENERAL)
    train(free)
    train(gated)
    assert losses(gated.work)[-1] < losses(gated.work)[0] / 4
    assert divergence(base, last(gated.work)) < divergence(base, last(free.work)) / 5


def test_gates_are_found_once_and_not_trained(tiny: Path, tmp_path: Path) -> None:
    todo = stated(tiny, tmp_path / "work")
    write_gates(todo, GENERAL)
    found = (todo.work / GATES).read_bytes()
    write_gates(todo, GENERAL[:1])
    assert (todo.work / GATES).read_bytes() == found
    train(todo)
    learnt = load_model(last(todo.work), "fp32").state_dict()["model.layers.1.mlp.gate_proj.weight"].cpu()
    assert torch.equal(learnt[-NEW:], load_file(todo.work / GATES)["1"])


def test_what_is_to_be_kept_is_not_learnt(tiny: Path, tmp_path: Path) -> None:
    own = samples_of("seed", CONVERSATIONS)
    kept = samples_of("replayed", GENERAL[:3]) + samples_of("general", GENERAL[3:])
    settings = PhaseRecipe(learning_rate=1e-2, batch_tokens=1_000, epochs=1)
    inputs = phase_of("skills", settings)
    entry = train_phase(
        inputs, tiny, own + kept, Running(tiny, load_profile("cpu", ROOT)), Store(str(tmp_path))
    )
    [step] = map(json.loads, entry.read_text("metrics.jsonl").splitlines())
    tokenizer = load_tokenizer(tiny)
    assert step["tokens"] == pack([encode(sample.messages, tokenizer) for sample in own]).ids.numel()


def test_where_there_is_nothing_but_what_is_to_be_kept_the_model_stays(tiny: Path, tmp_path: Path) -> None:
    inputs = phase_of("knowledge", PhaseRecipe(learning_rate=1e-2, batch_tokens=1_000, epochs=1))
    entry = train_phase(
        inputs,
        tiny,
        samples_of("general", GENERAL),
        Running(tiny, load_profile("cpu", ROOT)),
        Store(str(tmp_path)),
    )
    assert entry.read_text("metrics.jsonl") == ""
    written = (entry.folder() / "model.safetensors").read_bytes()
    assert written == (tiny / "model.safetensors").read_bytes()


def phase_of(phase: Phase, settings: PhaseRecipe) -> PhaseInputs:
    """A phase that trains new neurons."""
    return PhaseInputs(
        *(phase, "tiny", "tiny", "mixture", settings, "phased", "fp32"),
        max_length=256,
        adds={"neurons": NEW},
        weight=1.0,
        checkpoints=1,
        seed=3,
    )


def samples_of(kind: str, conversations: list[list[tuple[str, str]]]) -> tuple[Sample, ...]:
    return tuple(Sample("a/leaf", kind, tuple(turns), None, "a test") for turns in conversations)


def stated(start: Path, work: Path) -> Job:
    work.mkdir()
    phase = PhaseRecipe(learning_rate=1e-2, batch_tokens=60, epochs=10)
    return job(start, work, adds={"neurons": NEW}, phase=phase)


def divergence(base: Path, model: Path) -> float:
    """Of what two models hold likely in answers to general questions (KL, nats a token)."""
    before, after = said(base), said(model)
    return float((before.exp() * (before - after)).sum(1).mean())


@torch.no_grad()
def said(folder: Path) -> torch.Tensor:
    """Log probabilities of the next token, (learnt tokens, vocabulary)."""
    tokenizer = load_tokenizer(folder)
    model = load_model(folder, "fp32", attn_implementation="branches")
    return row_logits(model, pack([encode(turns, tokenizer) for turns in UNSEEN])).log_softmax(1)
