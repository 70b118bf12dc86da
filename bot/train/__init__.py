"""Training: the two phases, each a function of its start, its mixture and the recipe."""

import gc
import json
import os
import shutil
import subprocess
import sys
from array import array
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.errors import UserError
from bot.generate.sample import Conversation, Sample
from bot.models import model_folder
from bot.profiles import deepspeed_profile
from bot.recipe import PhaseRecipe, Recipe, TrainRecipe
from bot.store import Entry, Store, key_of
from bot.took import Took, record, this_device, training_by
from bot.train.curves import loss_curves

if TYPE_CHECKING:
    from bot.mix import Mixture, Phase
    from bot.train.choice import Judge

# Raised whenever the same inputs would come to other weights.
VERSION = 9
# What in a model's folder is not the model's.
OWN = ("entry.json", "choice.json", "metrics.jsonl", "loss.png", "runs", "converted")

# Kinds of samples of what is not to be forgotten.
KEPT = ("general", "replayed")


def _inputs(phase: "Phase", start: str, mixture: "Mixture", recipe: Recipe, judge: "Judge") -> dict[str, Any]:
    """What a trained phase depends on; `start` is the base's revision, or what tells the phase before."""
    stated = _stated(phase, recipe)
    return {
        "start": start,
        "mixture": mixture.content,
        "phase": asdict(_phase(phase, recipe)),
        "precision": stated.precision,
        "max_length": stated.max_length,
        "method": stated.method,
        "neurons": stated.neurons,
        "weight": stated.general.weight,
        "candidates": stated.candidates,
        # One model is not judged, so nobody's questions matter.
        "judged": judge.asks if stated.candidates > 1 else "",
        "rank": stated.rank,
        "seed": recipe.seed,
    }


def _stated(phase: "Phase", recipe: Recipe) -> TrainRecipe:
    """What the recipe says of training; for a trial, a small adapter in one process."""
    if phase != "trial":
        return recipe.train
    return replace(
        recipe.train,
        rank=recipe.trial.rank,
        deepspeed="",
        processes=1,
        neurons=0,
        candidates=1,
    )


def _phase(phase: "Phase", recipe: Recipe) -> PhaseRecipe:
    phases = {
        "knowledge": recipe.train.knowledge,
        "skills": recipe.train.skills,
        "trial": recipe.trial.phase(),
    }
    return phases[phase]


def train_phase(
    phase: "Phase",
    start: Path,
    start_id: str,
    mixture: "Mixture",
    recipe: Recipe,
    store: Store,
    judge: "Judge",
) -> Entry:
    """Train one phase, or take it from the store; goes on after a kill from its last checkpoint.

    Args:
        judge: by what the best of the last epochs' models is told, where the recipe has several kept.

    Returns:
        an entry whose folder `from_pretrained` reads, with metrics.jsonl, loss.png and TensorBoard's events
        beside the weights. Without samples to learn it is the model that the phase started from.
    """
    step, inputs = f"train-{phase}", _inputs(phase, start_id, mixture, recipe, judge)
    key = key_of(step, VERSION, inputs)
    entry = store.get(step, key)
    if entry is not None:
        return entry
    with store.work(step, key) as work:
        if _learnt(phase, mixture, recipe):
            from bot.train.choice import choose

            _run(phase, start, mixture, recipe, work)
            choose(work, key, judge)
            _record(phase, mixture, recipe, work, store)
        else:
            _pass_through(start, work / "model")
            (work / "metrics.jsonl").touch()
        _add_curves(phase, work)
        return store.put(step, key, inputs, folder=work / "model")


def _record(phase: "Phase", mixture: "Mixture", recipe: Recipe, work: Path, store: Store) -> None:
    """Write down how long the steps took, for the next estimate; a trial's are not asked for."""
    if phase == "trial":
        return
    steps = [json.loads(line) for line in (work / "metrics.jsonl").read_text().splitlines()]
    tokens, seconds = (sum(step[name] for step in steps) for name in ("tokens", "seconds"))
    leaves = len(mixture.table.keys() - {""})
    stated = _phase(phase, recipe)
    by, rounds = training_by(phase, recipe), stated.epochs * stated.ensemble
    record(store, Took(phase, this_device(), tokens, seconds, leaves, by, rounds))


def _learnt(phase: "Phase", mixture: "Mixture", recipe: Recipe) -> "array[int]":
    """Places of the samples that are trained on.

    New neurons are not trained on what is to be kept: their gates are shut there.
    """
    shut = _stated(phase, recipe).neurons > 0
    return _places(mixture.samples, lambda sample: not (shut and sample.kind in KEPT))


def _places(samples: Sequence[Sample], which: Callable[[Sample], bool]) -> "array[int]":
    return array("L", (place for place, sample in enumerate(samples) if which(sample)))


def _add_curves(phase: "Phase", work: Path) -> None:
    """What the phase said of itself, beside the model; the Hub shows events that lie in runs/."""
    metrics = (work / "metrics.jsonl").read_text()
    (work / "model" / "metrics.jsonl").write_text(metrics)
    if metrics:
        (work / "model" / "loss.png").write_bytes(loss_curves({phase: metrics}))
        shutil.copytree(work / "tensorboard", work / "model" / "runs" / phase, dirs_exist_ok=True)


def _run(phase: "Phase", start: Path, mixture: "Mixture", recipe: Recipe, work: Path) -> None:
    from bot.generate.rows import Chosen
    from bot.train.ensemble import train_sets
    from bot.train.gates import write_gates
    from bot.train.loop import Job, plainly_full, train

    stated = _stated(phase, recipe)
    samples, learnt = mixture.samples, _learnt(phase, mixture, recipe)
    kept = Chosen(samples, _places(samples, lambda sample: sample.kind in KEPT), _messages)
    general = stated.general.weight
    job = Job(
        name=phase,
        start=start,
        conversations=Chosen(samples, learnt, _messages),
        phase=_phase(phase, recipe),
        precision=stated.precision,
        max_length=stated.max_length,
        checkpoint_every=stated.checkpoint_every,
        seed=recipe.seed,
        work=work,
        # A trial keeps what today's model says, which may be another student's.
        base=start if phase == "trial" else model_folder(recipe.student.model),
        shown=Chosen(samples, learnt, partial(_shown, recipe)),
        weights=list(Chosen(samples, learnt, lambda sample: general if sample.kind == "general" else 1.0)),
        deepspeed=deepspeed_profile(stated.deepspeed, recipe.folder),
        processes=stated.processes,
        neurons=stated.neurons,
        checkpointing=stated.gradient_checkpointing,
        rank=stated.rank,
        track=recipe.track,
        candidates=stated.candidates,
    )
    run = launch if job.deepspeed else train

    def find_gates(of: Job) -> None:
        if of.neurons and kept:
            with plainly_full(of):
                write_gates(of, kept)

    if job.phase.ensemble > 1:
        train_sets(job, job.phase.ensemble, find_gates, run)
    else:
        find_gates(job)
        run(job)


def _messages(sample: Sample) -> Conversation:
    return sample.messages


def _shown(recipe: Recipe, sample: Sample) -> Conversation | None:
    """What the base sees of a sample whose answer it is to say in its own way; None for the answer as it is.

    Of general requests that is the request alone: what it would say is what it is to go on saying. With
    method sdft it is shown the passage, the question and the answer, and then asked once more, so that the
    model learns from itself with that in view (arXiv 2601.19897; there on the model's own
    answers, here on the demonstration's).
    """
    if sample.kind == "general":
        return sample.messages
    if recipe.train.method != "sdft":
        return None
    (role, question), answer = sample.messages[-2:]
    passage = f"{sample.context}\n\n" if sample.context and sample.context not in question else ""
    return ((role, passage + question), answer, *sample.messages)


def launch(job: Any) -> None:
    """Run a job under torchrun, one process a device."""
    _free_memory()
    file = job.work / "job.json"
    told = replace(job, conversations=list(job.conversations), shown=list(job.shown))
    file.write_text(json.dumps(asdict(told), default=str))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc_per_node={job.processes}", "-m", "bot.train.sharded", str(file)]
    # DeepSpeed calls much of torch by its older names, and torch remarks on each call.
    quiet = os.environ | {"PYTHONWARNINGS": "ignore::FutureWarning"}
    with subprocess.Popen(command, env=quiet, stdin=subprocess.PIPE) as torchrun:
        # Not communicate(), which would close its input: open, it says that this process lives.
        code = torchrun.wait()
    if code:
        raise UserError(f"train {job.name}: torchrun ended with exit code {code}; see above")


def _free_memory() -> None:
    """Of models that this process has had (for gates, or of an examination): the GPU is another's now."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _pass_through(start: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(start, target, ignore=shutil.ignore_patterns(*OWN))
