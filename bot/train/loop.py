"""The training loop of one phase, with plain PyTorch in one process or with DeepSpeed in one or more.

Steps, rows and loss are the same. A single process is faster without DeepSpeed (BENCHMARKS.md).
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bot.config.recipe import PhaseRecipe
from bot.core.errors import UserError
from bot.core.progress import say, task
from bot.inference.models import load_tokenizer
from bot.train.backend import Backend, PlainBackend
from bot.train.checkpoint import MODELS, Progress, check_room, model_write_errors
from bot.train.distillation import likely_tokens
from bot.train.job import Job
from bot.train.methods import method_of
from bot.train.metrics import Metrics, recipe_key
from bot.train.packing import (
    Encoded,
    encode,
    epoch_ends,
    learnt_tokens,
    plan_steps,
    shared_prefix,
)
from bot.train.student import Student, fix_generation_config, freeze_embeddings, load_student

FEW = 20
"""With fewer steps, a warning: too few for a learning rate schedule and for Adam's moments to converge."""
SAMPLE_TOKENS = 40
"""Length of a typical sample; see `noise_hook`."""


def train(job: Job) -> None:
    """Train one phase; resume from the last checkpoint if there is one.

    Afterwards, the job's work folder has metrics.jsonl and, in models/STEP, the models of the last epochs.

    Raises:
        UserError: the loss is NaN or infinite or has increased sharply, or the GPU's memory or the disk is
            full. The last checkpoint is kept.
    """
    with memory_errors(job):
        _train(job)


def _train(job: Job) -> None:
    tokenizer = load_tokenizer(job.start)
    samples = prepare(job, tokenizer)
    prefix = shared_prefix(samples)
    lengths = [len(sample.ids) - 1 - prefix for sample in samples]
    backend, student = open_backend(job, len(tokenizer), samples)
    steps = plan_steps(lengths, job.phase.epochs, job.phase.batch_tokens, job.seed)
    if backend.process_index == 0:
        remark(job, max(lengths), len(steps))
    kept = epoch_ends(steps, len(samples))[-job.checkpoints :]
    done = backend.restore(job.work) or Progress(0, 0, 0.0)
    metrics = Metrics(job.work, job.name, done, job.track, writes=backend.process_index == 0)
    if done.step and backend.process_index == 0:
        say(f"train {job.name}{job.part}: resumed after step {done.step} of {len(steps)}")
    with task(f"train {job.name}{job.part}", len(steps), "optimizer steps") as advance:
        advance(done.step, reused=True)
        for number in range(done.step, len(steps)):
            began = time.monotonic()
            # Seeded by the step, so that a resumed run draws the same random numbers.
            torch.manual_seed(job.seed + 1_000_003 * number + backend.process_index)
            rows = student.rows(steps[number], lengths, job.max_length * job.micro_batch, job.processes)
            own = [[samples[s] for s in row] for row in rows[backend.process_index :: job.processes]]
            total = learnt_tokens([samples[s] for s in steps[number]])
            step = Step(own, total, samples[steps[number][0]])
            loss, tokens = run_step(backend, student, step, job.processes)
            metrics.check(loss)
            rate = learning_rate(job.phase, number, len(steps))
            norm = backend.step(rate)
            note = metrics.add(loss, tokens, norm, rate, time.monotonic() - began)
            advance(1, note, tokens=tokens * job.processes)
            if number + 1 in kept:
                write_end(backend, tokenizer, job.work / MODELS / str(number + 1))
            if (number + 1) % job.checkpoint_every == 0 and number + 1 < len(steps):
                backend.save(job.work, metrics.progress)
    metrics.close()


@contextmanager
def memory_errors(job: Job) -> Iterator[None]:
    """Convert CUDA out-of-memory errors to a UserError.

    Raises:
        UserError: the GPU ran out of memory.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"train {job.name}: {str(error).split('. ')[0]}; lower train.max_length, or choose a `profile` "
            "with a smaller micro_batch, gradient_checkpointing, or more shards (docs/profiles.md); "
            f"the last checkpoint is in {job.work}"
        ) from None


def remark(job: Job, longest: int, steps: int) -> None:
    """Print warnings about settings that do not fit these samples, before training starts.

    Args:
        longest: tokens of the longest sample.
        steps: number of optimizer steps.
    """
    if longest > job.max_length:
        say(
            f"train {job.name}: the longest sample has {longest:,} tokens, more than train.max_length "
            f"({job.max_length:,}); it gets a row to itself, which needs more memory in proportion"
        )
    if steps < FEW:
        say(
            f"train {job.name}: only {steps} optimizer steps; "
            f"for so few samples lower {recipe_key(job.name)}.batch_tokens in the recipe"
        )


@cache
def tell_way(model: str, unpacked: str) -> None:
    """Print once which way a model's samples are computed.

    Args:
        model: the model's class.
        unpacked: why its rows are not packed; "" if they are.
    """
    way = f"samples are padded in groups of similar length, not packed: {unpacked}" if unpacked else ""
    say(f"{model}: {way or 'samples are packed into rows, as exact as one at a time'}")


def write_end(backend: Backend, tokenizer: Any, folder: Path) -> None:
    """Save the model in its current state, with its tokenizer.

    Raises:
        UserError: the model cannot be written; the last checkpoint is kept.
    """
    with model_write_errors(folder):
        backend.write_model(folder)
        if backend.process_index == 0:
            tokenizer.save_pretrained(folder)


def prepare(job: Job, tokenizer: Any) -> list[Encoded]:
    """Return a job's examples as tokens, with the base's probabilities if these are the targets."""
    examples = list(job.examples)
    shown = {n: encode(one.shown, tokenizer) for n, one in enumerate(examples) if one.shown is not None}
    samples = [
        encode(one.turns, tokenizer, unmask=job.phase.unmask and number not in shown)
        for number, one in enumerate(examples)
    ]
    if shown:
        likely = likely_tokens(job.base, list(shown.values()), job.precision, len(tokenizer))
        for number, (ids, shares) in zip(shown, likely, strict=True):
            samples[number] = replace(samples[number], likely=(ids, shares * examples[number].weight))
    return samples


def open_backend(job: Job, tokens: int, samples: Sequence[Encoded]) -> tuple[Backend, Student]:
    """Return the backend of a job, and the student with the model to call in the forward pass.

    Args:
        tokens: size of the tokenizer's vocabulary.
        samples: all samples of the job.

    Raises:
        UserError: the model cannot be trained, or the disk is full.
    """
    student = load_student(job.start, job.precision, tokens, samples)
    model, grown, name = student.model, student.grown, type(student.model).__name__
    fix_generation_config(model)
    model.train()
    if job.checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    method = method_of(job.adds)
    model = method.prepare(model, job, grown=grown)
    freeze_embeddings(model, grown=grown)
    sizes = [(weight.numel(), weight.nbytes, weight.requires_grad) for weight in model.parameters()]
    whole = sum(size for _, size, _ in sizes) * job.checkpoints
    check_room(job.work, sum(numbers for numbers, _, learns in sizes if learns), whole)
    if job.phase.noise:
        model.get_input_embeddings().register_forward_hook(noise_hook(job.phase.noise))
    backend: Backend
    if job.deepspeed:
        from bot.train.backend_deepspeed import DeepSpeedBackend

        sharded = DeepSpeedBackend(model, job, method.save)
        backend, model = sharded, sharded.engine
    else:
        backend = PlainBackend(model, job.phase, method.save)
    if backend.process_index == 0:
        tell_way(name, student.unpacked)
    return backend, replace(student, model=model)


def noise_hook(alpha: float) -> Callable[[Any, Any, Tensor], Tensor]:
    """Return a forward hook that adds noise to embeddings (NEFTune, arXiv 2310.05914), against overfitting.

    The paper scales the noise by the sequence's length. A row has many samples, so SAMPLE_TOKENS is used.
    """

    def add_noise(module: Any, inputs: Any, embedded: Tensor) -> Tensor:
        size = alpha / math.sqrt(SAMPLE_TOKENS * embedded.shape[-1])
        return embedded + torch.empty_like(embedded).uniform_(-size, size)

    return add_noise


@dataclass(frozen=True)
class Step:
    """One process's part of an optimizer step.

    Attributes:
        rows: the rows of this process.
        total: learned tokens of the whole step, over all processes.
        filler: sample for empty rows, with loss 0, so that all processes compute the same number of rows.
    """

    rows: Sequence[Sequence[Encoded]]
    total: int
    filler: Encoded


def run_step(backend: Backend, student: Student, step: Step, processes: int) -> tuple[float, int]:
    """Compute the gradients of one optimizer step.

    The loss is the mean over all learned tokens of all rows of all processes.

    Returns:
        The loss, and the number of tokens that this process computed.
    """
    losses, tokens = [], 0
    for number, samples in enumerate(step.rows):
        row = student.row(samples or [step.filler])
        share = processes / step.total if samples else 0.0
        loss, balance = student.losses(row)
        backend.backward((loss + balance) * share, last=number + 1 == len(step.rows))
        losses.append(loss.detach() * share)
        tokens += row.tokens
    # item() waits for the GPU; called only now, so that rows are packed while the GPU computes.
    return backend.mean(sum(loss.item() for loss in losses)), tokens


def learning_rate(phase: PhaseRecipe, step: int, steps: int) -> float:
    """Return the learning rate of a step, counted from 0: linear warm-up, then the schedule."""
    warmup = phase.warmup * steps
    if step < warmup:
        return phase.learning_rate * (step + 1) / (warmup + 1)
    if phase.schedule == "constant":
        return phase.learning_rate
    left = 1 - (step - warmup) / max(1.0, steps - warmup)
    share = left if phase.schedule == "linear" else (1 - math.cos(math.pi * left)) / 2
    return phase.learning_rate * share
