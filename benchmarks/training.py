"""Training: real tokens a second of this loop, beside TRL's SFTTrainer and InstructLab's training library.

The same samples, model and tokens a step for all; padding counts for nobody. What the loop shares (the
beginning of all samples, computed once a row) counts as if it had been computed for each.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.environments import environment
from bot.config.recipe import PhaseRecipe
from bot.generate.without_teacher import given_samples
from bot.inference.models import load_tokenizer, model_folder
from bot.taxonomy.tree import load_tree
from bot.train.job import Example, Job
from bot.train.loop import train
from bot.train.packing import encode
from tests import ROOT

TRL = "trl==1.16.0"
INSTRUCTLAB = "instructlab-training==0.16.2"
SAMPLES = 240
BATCH_TOKENS = 512
"""Of a step, without what samples begin with; as arborist.yaml's."""
BATCH = 12
"""Samples of a step of the others, which count samples: about as many as the loop has."""


def conversations() -> list[tuple[tuple[str, str], ...]]:
    """What the seed taxonomy's leaves give without a teacher."""
    leaves = load_tree(ROOT / "taxonomy")
    found = [sample.messages for leaf in leaves for sample in given_samples(leaf, 0)]
    return (found * (SAMPLES // len(found) + 1))[:SAMPLES]


def ours(talks: Sequence[Any], work: Path, **changes: Any) -> tuple[float, int]:
    """Seconds of all steps, and how many tokens were computed."""
    base = model_folder("embedded")
    phase = PhaseRecipe(learning_rate=1e-4, batch_tokens=BATCH_TOKENS, epochs=1)
    job = Job(
        "bench",
        base,
        [Example(talk) for talk in talks],
        phase,
        "bf16",
        1_024,
        10_000,
        0,
        work,
        base,
        **changes,
    )
    train(job)
    steps = [json.loads(line) for line in (work / "metrics.jsonl").read_text().splitlines()]
    return sum(step["seconds"] for step in steps), sum(step["tokens"] for step in steps)


def trl(python: Path, data: Path, out: Path, packing: str) -> float:
    """Seconds of all steps of TRL's SFTTrainer."""
    script = Path(__file__).with_name("trl_sft.py")
    command = [python, script, model_folder("embedded"), data, out, str(BATCH), packing]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1_800)
    if done.returncode:
        raise SystemExit(f"{TRL} ended with {done.returncode}:\n{done.stderr[-2_000:]}")
    return float(done.stdout.splitlines()[-1])


def instructlab(data: Path, out: Path) -> str:
    """Why InstructLab's training library does not train here, by its own words; "" if it does."""
    python = environment(INSTRUCTLAB)
    script = Path(__file__).with_name("instructlab_run.py")
    # It starts torchrun by name.
    path = os.pathsep.join([str(python.parent), os.environ["PATH"]])
    command = [python, script, model_folder("embedded"), data, out]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"PATH": path}, timeout=1_800
    )
    if done.returncode == 0:
        return ""
    return next(line.strip() for line in (done.stdout + done.stderr).splitlines() if "Error: " in line)


def floor() -> float:
    """Floating point operations a second of two bf16 matrices as large as the model's in a step."""
    one, two = torch.randn(512, 576, dtype=torch.bfloat16), torch.randn(576, 1536, dtype=torch.bfloat16)
    for _ in range(20):
        one @ two
    began, times = time.perf_counter(), 300
    for _ in range(times):
        one @ two
    return times * 2 * 512 * 576 * 1536 / (time.perf_counter() - began)


def main() -> None:
    """Print the table."""
    talks = conversations()
    tokenizer = load_tokenizer(model_folder("embedded"))
    real = sum(len(encode(messages, tokenizer).ids) for messages in talks)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "samples.jsonl"
        lines = [[{"role": role, "content": text} for role, text in talk] for talk in talks]
        data.write_text("".join(json.dumps({"messages": line}) + "\n" for line in lines))
        python = environment(TRL)
        work = Path(folder) / "ours"
        work.mkdir()
        seconds, computed = ours(talks, work)
        padded = trl(python, data, Path(folder) / "padded", "padded")
        packed = trl(python, data, Path(folder) / "packed", "packed")
        reason = instructlab(data, Path(folder) / "instructlab")
        rows = [("arborist", seconds), (f"{TRL}, padded", padded), (f"{TRL}, packed", packed)]
    peak = floor()
    table = Table(
        title=f"Training: {len(talks)} samples, {real:,} real tokens, SmolLM2-135M, {BATCH_TOKENS} a step"
    )
    for column in ("what", "seconds", "real tokens/s", "times padded"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, took in rows:
        table.add_row(name, f"{took:.0f}", f"{real / took:.0f}", f"{padded / took:.2f}")
    if reason:
        table.add_row(f"{INSTRUCTLAB}: {reason}", "does not run", "", "")
    console = Console(width=140)
    console.print(table)
    # Six operations a weight and token, of the weights that are trained; the word list's are only read.
    operations = 6 * 106_200_000 * computed / seconds
    console.print(
        f"It computed {computed:,} tokens, at {operations / 1e9:.0f} GFLOP/s; a bf16 product of matrices "
        f"of the model's size reaches {peak / 1e9:.0f} here: {operations / peak:.0%} of that."
    )


if __name__ == "__main__":
    sys.exit(main())
