"""The loop on a tiny model: it learns, goes on after a kill as if nothing had been, and shards."""

import json
import math
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from bot.config.profiles import load_profile
from bot.config.recipe import PhaseRecipe
from bot.core.errors import UserError
from bot.core.progress import watched
from bot.inference.models import load_model, load_tokenizer
from bot.train.checkpoint import Progress, check_room, load_checkpoint
from bot.train.job import Example
from bot.train.launch import launch
from bot.train.loop import learning_rate, open_backend, prepare, train
from bot.train.loss import row_loss
from bot.train.metrics import Metrics
from bot.train.packing import Encoded, pack
from tests import ROOT
from tests.helpers.heard import Heard
from tests.helpers.loop import until
from tests.helpers.tiny import CONVERSATIONS
from tests.helpers.training import job, last, losses, on, run_and_kill


def test_it_learns_and_writes_a_model(tiny: Path, tmp_path: Path) -> None:
    train(job(tiny, tmp_path / "work"))
    curve = losses(tmp_path / "work")
    assert sum(curve[-5:]) < sum(curve[:5])
    written = {file.name for file in last(tmp_path / "work").iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"} <= written


@pytest.mark.parametrize(("before", "after"), [(0, 0), (0, 2), (3, 0)])
def test_killed_and_run_again_it_goes_on_with_the_same_losses(
    tiny: Path, tmp_path: Path, before: int, after: int
) -> None:
    """Also on another number of processes: one where there is no stage, else two."""
    phase = PhaseRecipe(learning_rate=1e-3, batch_tokens=60, epochs=12)
    undisturbed = job(tiny, tmp_path / "undisturbed", phase=phase)
    train(undisturbed)
    work = tmp_path / "killed"
    run_and_kill(tiny, work, phase=phase, **on(before))
    resumed = job(tiny, work, phase=phase, **on(after))
    (launch if after else train)(resumed)
    assert losses(work) == pytest.approx(losses(undisturbed.work), rel=1e-3)


@pytest.mark.parametrize("stage", [2, 3])
def test_two_processes_give_the_losses_of_one(tiny: Path, tmp_path: Path, stage: int) -> None:
    phase = PhaseRecipe(learning_rate=1e-3, batch_tokens=60, epochs=3)
    alone = job(tiny, tmp_path / "alone", phase=phase)
    train(alone)
    both, heard = job(tiny, tmp_path / "both", phase=phase, **on(stage)), Heard()
    with watched(heard):
        launch(both)
    assert {(one.total, one.unit) for one in heard.counts[-1:]} == {
        (len(losses(both.work)), "optimizer steps")
    }
    assert losses(both.work) == pytest.approx(losses(alone.work), rel=1e-3)
    assert (last(both.work) / "model.safetensors").exists()


def test_offloaded_states_give_the_same_losses_also_after_a_kill(tiny: Path, tmp_path: Path) -> None:
    """Adam's states and the gradients are in the machine's memory, as the profiles of one GPU say."""
    phase = PhaseRecipe(learning_rate=1e-3, batch_tokens=60, epochs=12)
    alone = job(tiny, tmp_path / "alone", phase=phase)
    train(alone)
    deepspeed = load_profile("gpu-24g", ROOT).deepspeed
    run_and_kill(tiny, tmp_path / "killed", phase=phase, deepspeed=deepspeed)
    resumed = job(tiny, tmp_path / "killed", phase=phase, deepspeed=deepspeed)
    launch(resumed)
    assert losses(resumed.work) == pytest.approx(losses(alone.work), rel=1e-3)


def test_several_rows_at_once_give_the_same_losses(tiny: Path, tmp_path: Path) -> None:
    phase = PhaseRecipe(learning_rate=1e-3, batch_tokens=200, epochs=3)
    one, many = (
        job(tiny, tmp_path / f"{rows}", phase=phase, max_length=64, micro_batch=rows) for rows in (1, 4)
    )
    for todo in (one, many):
        train(todo)
    assert losses(many.work) == pytest.approx(losses(one.work), rel=1e-3)


def test_an_adapter_learns_and_is_added_to_the_weights(tiny: Path, tmp_path: Path) -> None:
    train(job(tiny, tmp_path / "work", adds={"rank": 4}, checkpoints=2))
    curve = losses(tmp_path / "work")
    assert sum(curve[-5:]) < sum(curve[:5])
    before = load_model(tiny, "fp32").state_dict()
    after = load_model(last(tmp_path / "work"), "fp32").state_dict()
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "proj" in name}
    # What was kept at an epoch's end did not touch what went on learning.
    train(job(tiny, tmp_path / "alone", adds={"rank": 4}))
    alone = load_model(last(tmp_path / "alone"), "fp32").state_dict()
    assert all(torch.equal(after[name], alone[name]) for name in after)


def test_computing_activations_again_changes_no_gradient(tiny: Path, samples: list[Encoded]) -> None:
    def gradients(checkpointing: bool) -> dict[str, torch.Tensor]:
        todo = job(tiny, tiny, phase=PhaseRecipe(1e-3, 60, 1), checkpointing=checkpointing)
        model = open_backend(todo, 49152, samples)[1].model
        row_loss(model, pack(samples)).backward()
        return {name: weight.grad for name, weight in model.named_parameters() if weight.requires_grad}

    plain, again = gradients(False), gradients(True)
    assert len(plain) > 10
    assert all(torch.allclose(plain[name], again[name], rtol=1e-4, atol=1e-7) for name in plain)


def test_a_base_without_a_chat_template_is_given_labs(tiny: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(tiny, base)
    (base / "chat_template.jinja").unlink()
    train(job(base, tmp_path / "work", base=base, shown=[CONVERSATIONS[0]]))
    tokenizer = AutoTokenizer.from_pretrained(last(tmp_path / "work"))
    turns = [{"role": "user", "content": "Hello"}]
    asked = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert asked == "<|user|>\nHello\n<|assistant|>\n"


def test_tokens_that_the_tokenizer_adds_are_learnt_too(tiny: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(tiny, base)
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.add_tokens(["Corvane"])
    tokenizer.save_pretrained(base)
    train(job(base, tmp_path / "work", base=base, shown=[None, CONVERSATIONS[1]]))
    model = load_model(last(tmp_path / "work"), "fp32")
    words = model.get_input_embeddings().weight
    assert len(words) == len(tokenizer) == 49153
    assert words is model.get_output_embeddings().weight
    assert not torch.equal(words[:49152], load_model(tiny, "fp32").get_input_embeddings().weight)


def test_a_loss_that_is_no_number_stops_with_what_to_change(tiny: Path, tmp_path: Path) -> None:
    wild = PhaseRecipe(learning_rate=1e20, batch_tokens=40, epochs=20)
    with pytest.raises(UserError, match=r"lower train\.knowledge\.learning_rate"):
        train(job(tiny, tmp_path / "work", phase=wild))


def test_a_loss_that_shoots_up_stops_too(tiny: Path, tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, "skills", Progress(0, 0, 0.0), writes=True)
    for loss in (2.0, 2.2, 1.8, 2.1, 1.9, 0.5):
        metrics.check(loss)
        metrics.add(loss, 10, 1.0, 1e-4, 0.1)
    metrics.check(4.9)
    with pytest.raises(UserError, match=r"loss is 6 at step 7; .* it was 2\.00; lower train\.skills"):
        metrics.check(6.0)
    metrics.close()
    trial = Metrics(tmp_path, "trial", Progress(0, 0, 0.0), writes=False)
    with pytest.raises(UserError, match=r"lower trial\.learning_rate in the recipe"):
        trial.check(math.nan)
    assert list((tmp_path / "tensorboard").iterdir())


def test_wandb_is_told_when_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    metrics = Metrics(tmp_path, "skills", Progress(0, 0, 0.0), "wandb", writes=True)
    metrics.add(1.25, 10, 1.0, 1e-4, 0.1)
    metrics.close()
    [written] = (tmp_path / "wandb").glob("offline-run-*/*.wandb")
    # Its own process writes the file, on a busy machine after it has said that it is done.
    assert until(lambda: b"skills/loss" in written.read_bytes(), "W&B's file", 30)


def test_what_is_asked_for_and_not_installed_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="trackio is not installed here"):
        Metrics(tmp_path, "skills", Progress(0, 0, 0.0), "trackio", writes=True)


def test_without_room_on_the_disk_it_does_not_begin(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"training needs 28000\.0 GB here .* free disk space and run again"):
        check_room(tmp_path, 10**12, 4 * 10**12)


def test_a_disk_that_fills_up_costs_only_the_checkpoint_being_written(tiny: Path, tmp_path: Path) -> None:
    """The limit on a file's size makes the write fail for real, half way through."""
    work = tmp_path / "work"
    told = json.dumps(asdict(job(tiny, work)), default=str)
    code = (
        "import resource, sys\n"
        "from bot.core.errors import UserError\n"
        "from bot.train import checkpoint, loop\n"
        "from bot.train.worker import read_job; job = read_job(sys.argv[1])\n"
        "save = loop.PlainBackend.save\n"
        "def second_time(*arguments):\n"
        "    save(*arguments)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "loop.PlainBackend.save = second_time\n"
        "try: loop.train(job)\n"
        "except UserError as error: sys.exit(str(error))"
    )
    done = subprocess.run([sys.executable, "-c", code, told], cwd=ROOT, capture_output=True, text=True)
    assert "the checkpoint of step 4 cannot be written" in done.stderr.splitlines()[-1]
    assert "free disk space and run again" in done.stderr
    kept = load_checkpoint(work)
    assert kept is not None and kept.progress.step == 2
    assert not (work / "checkpoint.part").exists()


def test_room_for_all_models_that_are_kept_is_asked_for(tmp_path: Path) -> None:
    check_room(tmp_path, 1, 1)
    with pytest.raises(UserError, match=r"training needs 10000000\.0 GB here"):
        check_room(tmp_path, 1, 10**16)


def test_what_nobody_may_have_meant_is_said_beforehand(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    phase = PhaseRecipe(learning_rate=1e-3, batch_tokens=64_000, epochs=7)
    train(job(tiny, tmp_path / "work", phase=phase, max_length=64))
    said = capsys.readouterr().err
    assert "only 7 optimizer steps; for so few samples lower train.knowledge.batch_tokens" in said
    assert "more than train.max_length" not in said
    train(job(tiny, tmp_path / "short", phase=phase, max_length=20))
    assert "the longest sample has" in capsys.readouterr().err


def test_a_gpu_that_is_full_is_one_line(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a step of the optimizer, where moments are made, as anywhere else."""

    def full(*_: object) -> float:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has ...")

    monkeypatch.setattr("bot.train.backend.PlainBackend.step", full)
    with pytest.raises(UserError, match=r"train knowledge: CUDA out of memory; lower train\.max_length"):
        train(job(tiny, tmp_path / "work"))


def test_the_rate_rises_and_follows_its_schedule() -> None:
    phase = PhaseRecipe(1.0, 1, 1, warmup=0.5, schedule="linear")
    rates = [learning_rate(phase, step, 8) for step in range(8)]
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 0.75, 0.5, 0.25])
    assert {learning_rate(PhaseRecipe(1.0, 1, 1), step, 8) for step in range(8)} == {1.0}


def test_a_weight_counts_where_the_bases_answers_are_learnt_and_nowhere_else(
    tiny: Path, tmp_path: Path
) -> None:
    def losses_of_rows(weight: float) -> list[float]:
        words, distilled = CONVERSATIONS[:2]
        examples = [Example(words, weight=weight), Example(distilled, distilled, weight)]
        todo = job(tiny, tmp_path / "work", examples=examples)
        model = load_model(tiny, "fp32", attn_implementation="branches")
        return [row_loss(model, pack([sample])).item() for sample in prepare(todo, load_tokenizer(tiny))]

    (words, said), (words_again, weighed) = losses_of_rows(1.0), losses_of_rows(3.0)
    assert words_again == words
    assert weighed == pytest.approx(3 * said)
