"""The loop on a tiny model: it learns, goes on after a kill as if nothing had been, and shards."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.recipe import ROOT, PhaseRecipe
from bot.train import launch
from bot.train.loop import Job, learning_rate, train
from tests.train.conftest import CONVERSATIONS

PHASE = PhaseRecipe(learning_rate=1e-2, batch_tokens=40, epochs=20, noise=5)


def job(tiny: Path, work: Path, **changes: object) -> Job:
    work.mkdir(exist_ok=True)
    fields: dict[str, object] = {
        "name": "knowledge",
        "start": tiny,
        "conversations": CONVERSATIONS,
        "phase": PHASE,
        "precision": "fp32",
        "max_length": 256,
        "checkpoint_every": 2,
        "seed": 3,
        "work": work,
    }
    return Job(**(fields | changes))  # type: ignore[arg-type]


def losses(work: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (work / "metrics.jsonl").read_text().splitlines()]


def test_it_learns_and_writes_a_model(tiny: Path, tmp_path: Path) -> None:
    train(job(tiny, tmp_path / "work"))
    curve = losses(tmp_path / "work")
    assert sum(curve[-5:]) < sum(curve[:5])
    written = {file.name for file in (tmp_path / "work" / "model").iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"} <= written


def test_killed_and_run_again_it_goes_on_with_the_same_losses(tiny: Path, tmp_path: Path) -> None:
    undisturbed = job(tiny, tmp_path / "undisturbed")
    train(undisturbed)
    killed = job(tiny, tmp_path / "killed")
    code = (
        "import sys; from pathlib import Path; from tests.train.test_loop import job\n"
        "from bot.train.loop import train; train(job(Path(sys.argv[1]), Path(sys.argv[2])))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tiny), str(killed.work)], cwd=ROOT)
    while not (killed.work / "checkpoint").exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed.work / "model").exists()
    train(killed)
    assert losses(killed.work) == pytest.approx(losses(undisturbed.work), rel=1e-4)


@pytest.mark.parametrize("profile", ["zero2", "zero3"])
def test_two_processes_give_the_losses_of_one(tiny: Path, tmp_path: Path, profile: str) -> None:
    phase = PhaseRecipe(learning_rate=1e-3, batch_tokens=60, epochs=3)
    alone = job(tiny, tmp_path / "alone", phase=phase)
    train(alone)
    path = str(ROOT / "runners" / "deepspeed" / f"{profile}.json")
    both = job(tiny, tmp_path / "both", phase=phase, deepspeed=path, processes=2)
    launch(both)
    assert losses(both.work) == pytest.approx(losses(alone.work), rel=1e-3)
    assert (both.work / "model" / "model.safetensors").exists()


def test_a_loss_that_is_no_number_stops_with_what_to_change(tiny: Path, tmp_path: Path) -> None:
    wild = PhaseRecipe(learning_rate=1e20, batch_tokens=40, epochs=20)
    with pytest.raises(UserError, match=r"lower train\.knowledge\.learning_rate"):
        train(job(tiny, tmp_path / "work", phase=wild))


def test_the_rate_rises_and_follows_its_schedule() -> None:
    phase = PhaseRecipe(1.0, 1, 1, warmup=0.5, schedule="linear")
    rates = [learning_rate(phase, step, 8) for step in range(8)]
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 0.75, 0.5, 0.25])
    assert {learning_rate(PhaseRecipe(1.0, 1, 1), step, 8) for step in range(8)} == {1.0}
