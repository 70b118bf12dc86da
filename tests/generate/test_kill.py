"""kill -9 at three random moments: each run goes on where the last was stopped; the samples are the same."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

KILLS = 3
SCRIPT = """
import dataclasses, json, sys
import bot.generate.inputs
from bot.generate.inputs import samples_inputs
from bot.generate.leaves import generate_leaf
from bot.generate.pipeline_files import pipeline_of
from bot.config.load import load_recipe
from tests import ROOT
from bot.core.store import Store
from bot.inference.teacher import open_teacher
from tests.helpers.leaves import knowledge

# Small batches, so that there are many to be killed in.
bot.generate.inputs.pipeline_of = lambda *args: dataclasses.replace(pipeline_of(*args), batch=3)
shipped = load_recipe(ROOT / "arborist.yaml")
recipe = dataclasses.replace(shipped, generate=dataclasses.replace(shipped.generate, samples=12, batches=99))
print("begun", flush=True)
made = generate_leaf(samples_inputs(knowledge(), recipe), Store(sys.argv[1]), open_teacher(recipe))
print(json.dumps([made.asked, made.reused, [sample.to_json() for sample in made.samples]]), flush=True)
"""


def begin(store: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SCRIPT, str(store)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout and process.stdout.readline() == "begun\n"
    return process


def finish(store: Path) -> list[Any]:
    out, _ = begin(store).communicate(timeout=300)
    result: list[Any] = json.loads(out)
    return result


def kept(store: Path) -> int:
    """Batches that the store has whole."""
    return len(list(store.glob("batch/*/batch.json")))


def test_each_run_repeats_at_most_one_batch_and_the_samples_are_the_same(tmp_path: Path) -> None:
    store, draw, have, number, longest_s = tmp_path / "killed", random.Random(11), 0, 0, 1.0
    while number < KILLS:
        process = begin(store)
        # Every second run comes as far as a batch of its own, however slow the machine is.
        while number % 2 and kept(store) == have and process.poll() is None:
            time.sleep(0.01)
        time.sleep(draw.uniform(0, longest_s))
        process.send_signal(signal.SIGKILL)
        if process.wait(60) == 0:
            # It ended before it was to be killed: all is begun anew, and killed sooner.
            have, number, longest_s = 0, 0, longest_s / 2
            assert longest_s > 0.01, "the run ends before it can be killed"
            shutil.rmtree(store)
            continue
        assert process.returncode == -signal.SIGKILL
        assert kept(store) >= have + number % 2, "what was whole stays"
        have, number = kept(store), number + 1
    asked, reused, samples = finish(store)
    undisturbed = finish(tmp_path / "undisturbed")
    assert reused == have
    assert asked + reused == undisturbed[0]
    assert samples == undisturbed[2]
