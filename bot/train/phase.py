"""A training phase as a step: its inputs, its key, and the entry with the trained model."""

import shutil
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

from bot.config.profiles import Profile, profile_of
from bot.config.recipe import PhaseRecipe, Recipe, Where
from bot.core.sample import KEPT, Conversation, Sample
from bot.core.step import RESULT, Inputs, make
from bot.core.store import Entry, Store
from bot.core.store_files import link_or_copy
from bot.train.checkpoint import MODELS
from bot.train.curves import loss_curves
from bot.train.job import Example, Job
from bot.train.methods import chosen, method_of

Phase = Literal["knowledge", "skills", "trial"]
METRICS = "metrics.jsonl"
ADDED = ("entry.json", "choice.json", METRICS, "loss.png", "runs", "training", "converted", MODELS)
"""Files and folders that we add to a model folder."""


@dataclass(frozen=True)
class PhaseInputs(Inputs):
    """Everything that the model trained by a phase depends on.

    Attributes:
        start: the unique ID of the weights to start from.
        base: the unique ID of the weights before any phase, the teacher in distillation.
        mixture: the hash of the samples.
        settings: the phase's settings in the recipe.
        adds: the setting that chooses the training method; see `bot.train.methods.chosen`.
        method: the recipe's `train.method`.
        weight: the relative loss weight per token of general requests.
        checkpoints: number of last epochs at whose end the model is kept; `choose` then selects one of them.
    """

    STEP: ClassVar[str] = "train"
    VERSION: ClassVar[int] = 11

    phase: Phase
    start: str
    base: str
    mixture: str
    settings: PhaseRecipe
    method: str
    precision: Literal["bf16", "fp32"]
    max_length: int
    adds: Mapping[str, int]
    weight: float
    checkpoints: int
    seed: int

    @property
    def step(self) -> str:
        """The step's name, with the phase's."""
        return f"{self.STEP}-{self.phase}"


@dataclass(frozen=True)
class Running:
    """Settings that affect how a phase runs, but not its result.

    Attributes:
        base: the folder of the model before any phase.
        profile: the profile of the machine.
        checkpoint_every: number of optimizer steps between checkpoints.
        track: the experiment tracker, `wandb` or `trackio`; "" for none.
        engine: where the phase is trained.
    """

    base: Path
    profile: Profile
    checkpoint_every: int = 10
    track: str = ""
    engine: Where = "local"


def phase_inputs(phase: Phase, start: str, base: str, mixture: str, recipe: Recipe) -> PhaseInputs:
    """Return the inputs of a phase under a recipe; a trial trains a small adapter.

    Args:
        start: the unique ID of the weights to start from.
        base: the unique ID of the weights before any phase.
        mixture: the hash of the samples.
    """
    train, trial = recipe.train, phase == "trial"
    return PhaseInputs(
        *(phase, start, base, mixture),
        settings=_settings(phase, recipe),
        method=train.method,
        precision=train.precision,
        max_length=train.max_length,
        adds={"rank": recipe.trial.rank} if trial else chosen(train),
        weight=train.general.weight,
        checkpoints=1 if trial else train.checkpoints,
        seed=recipe.seed,
    )


def _settings(phase: Phase, recipe: Recipe) -> PhaseRecipe:
    phases: dict[Phase, PhaseRecipe] = {
        "knowledge": recipe.train.knowledge,
        "skills": recipe.train.skills,
        "trial": recipe.trial.phase(),
    }
    return phases[phase]


def running(phase: Phase, base: Path, recipe: Recipe) -> Running:
    """Return a recipe's settings for running a phase; a trial uses plain PyTorch in one process.

    Args:
        base: the folder of the model before any phase.

    Raises:
        UserError: the recipe's profile does not exist or is not valid.
    """
    profile = profile_of(recipe)
    if phase == "trial":
        profile = replace(profile, deepspeed={}, processes=1)
    return Running(base, profile, recipe.train.checkpoint_every, recipe.track, recipe.engine)


def train_phase(
    inputs: PhaseInputs, start: Path, samples: Sequence[Sample], run: Running, store: Store
) -> Entry:
    """Train a phase, or return its result from the store; resume from the last checkpoint after a kill.

    Args:
        start: the folder of the model to start from.
        samples: the samples of the mixture.

    Returns:
        An entry whose folder `from_pretrained` can load, with metrics.jsonl, loss.png and TensorBoard events
        next to the weights. If the models of several epochs are kept, they are in models/STEP instead. If
        there are no samples to train on, the model is that of `start`.
    """
    return make(inputs, store, partial(_train, inputs, start, samples, run))


def _train(inputs: PhaseInputs, start: Path, samples: Sequence[Sample], run: Running, work: Path) -> None:
    result = work / RESULT
    shutil.rmtree(result, ignore_errors=True)
    method = method_of(inputs.adds)
    learnt = _places(samples, lambda sample: method.learns(sample.kind))
    if not learnt:
        shutil.copytree(start, result, ignore=shutil.ignore_patterns(*ADDED))
        (result / METRICS).touch()
        return
    from bot.generate.rows import Chosen
    from bot.train.loop import memory_errors

    kept = Chosen(
        samples, _places(samples, lambda sample: sample.kind in KEPT), lambda sample: sample.messages
    )
    job = _job(inputs, start, Chosen(samples, learnt, partial(_example, inputs)), run, work)
    with memory_errors(job):
        method.run(job, kept, _trainer(run))
    ends = sorted((work / MODELS).iterdir(), key=lambda folder: int(folder.name))
    source, target = (work / MODELS, result / MODELS) if inputs.checkpoints > 1 else (ends[-1], result)
    shutil.copytree(source, target, copy_function=link_or_copy)
    _add_curves(inputs.phase, work, result)


def _trainer(run: Running) -> Callable[[Job], None]:
    """Return the function that trains a job: on a cluster, in several processes, or in this one."""
    if run.engine == "ray":
        from bot.train.launch_ray import launch_on_cluster

        return launch_on_cluster
    from bot.train.launch import launch
    from bot.train.loop import train

    return launch if run.profile.deepspeed else train


def _job(inputs: PhaseInputs, start: Path, examples: Sequence[Example], run: Running, work: Path) -> Job:
    return Job(
        name=inputs.phase,
        start=start,
        examples=examples,
        phase=inputs.settings,
        precision=inputs.precision,
        max_length=inputs.max_length,
        checkpoint_every=run.checkpoint_every,
        seed=inputs.seed,
        work=work,
        base=run.base,
        deepspeed=run.profile.deepspeed,
        processes=run.profile.processes,
        adds=inputs.adds,
        checkpointing=run.profile.gradient_checkpointing,
        micro_batch=run.profile.micro_batch,
        checkpoints=inputs.checkpoints,
        track=run.track,
    )


def _places(samples: Sequence[Sample], which: Callable[[Sample], bool]) -> "array[int]":
    return array("L", (place for place, sample in enumerate(samples) if which(sample)))


def _example(inputs: PhaseInputs, sample: Sample) -> Example:
    weight = inputs.weight if sample.kind == "general" else 1.0
    return Example(sample.messages, _shown(inputs.method, sample), weight)


def _shown(method: str, sample: Sample) -> Conversation | None:
    """Return the base model's conversation in distillation; None to train on the answer's tokens.

    For general requests it is the sample itself, so that the student preserves the base's behaviour. With
    method `sdft` it is the passage, the question and the answer (the demonstration), then the question and
    the answer again: self-distillation with the demonstration in the context (arXiv 2601.19897, which uses
    the model's own answers; here, the targets are at the tokens of the demonstration's answer).
    """
    if sample.kind == "general":
        return sample.messages
    if method != "sdft":
        return None
    (role, question), answer = sample.messages[-2:]
    passage = f"{sample.context}\n\n" if sample.context and sample.context not in question else ""
    return ((role, passage + question), answer, *sample.messages)


def _add_curves(phase: Phase, work: Path, result: Path) -> None:
    """Add metrics to a model folder; the Hub displays TensorBoard events in runs/."""
    metrics = (work / METRICS).read_text()
    (result / METRICS).write_text(metrics)
    if metrics:
        (result / "loss.png").write_bytes(loss_curves({phase: metrics}))
        shutil.copytree(work / "tensorboard", result / "runs" / phase, dirs_exist_ok=True)
