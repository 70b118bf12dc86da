"""The loop: one phase of training, in one process on plain torch, or by DeepSpeed in one and in many.

The same steps, rows and loss either way. A single process is faster without DeepSpeed (BENCHMARKS.md).
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from bot.errors import UserError
from bot.models import load_tokenizer
from bot.progress import say, task
from bot.recipe import PhaseRecipe
from bot.train.attention import check_window
from bot.train.checkpoint import CANDIDATES, Progress, check_room, plainly_failing
from bot.train.engines import Engine, PlainEngine
from bot.train.metrics import Metrics, stated
from bot.train.neurons import add_neurons, load_gates, trained_layers
from bot.train.packing import (
    Encoded,
    Row,
    encode,
    epoch_ends,
    learnt_tokens,
    pack,
    plan_steps,
    shared_prefix,
    split_step,
)
from bot.train.students import add_adapter, load_packed, mend_generation, window_of
from bot.train.trunk import Trunk

# Below so many steps a schedule has no time to rise and fall, nor Adam's moments to settle.
FEW = 20
# A usual sample's length; see `noise_hook`.
SAMPLE_TOKENS = 40


@dataclass(frozen=True)
class Job:
    """One phase to be trained; plain data, so that it can be handed to other processes.

    Attributes:
        start: folder of the model to start from.
        conversations: (role, content) turns of each sample.
        work: folder for checkpoints and candidates.
        base: folder of the model that was there before any phase.
        shown: what the base is shown in place of a sample, where not the answer's words are learnt but all
            that the base holds likely there; it ends with the same answer. None for samples as they are.
        deepspeed: path of a DeepSpeed profile, or "" for plain torch.
        neurons: new ones in every layer; the upper layers' are trained in place of the weights. 0 for none.
        checkpointing: compute activations again in the backward pass in place of keeping them.
        track: who is told of each step; see `Metrics`.
        part: said behind the name, where a phase is trained in parts.
        candidates: of how many epochs, the last ones, the model is kept at their end.
        rank: of an adapter that is trained in place of the weights (LoRA, arXiv 2106.09685); 0 for none.
        weights: how much a token of each sample counts where `shown` says what is learnt; all 1 if empty.
    """

    name: str
    start: Path
    conversations: Sequence[Sequence[tuple[str, str]]]
    phase: PhaseRecipe
    precision: str
    max_length: int
    checkpoint_every: int
    seed: int
    work: Path
    base: Path
    shown: Sequence[Sequence[tuple[str, str]] | None] = ()
    deepspeed: str = ""
    processes: int = 1
    neurons: int = 0
    checkpointing: bool = False
    rank: int = 0
    weights: Sequence[float] = ()
    candidates: int = 1
    track: str = ""
    part: str = ""


def train(job: Job) -> None:
    """Train one phase; models of its last epochs and metrics.jsonl are in the job's work folder afterwards.

    A model lies in a folder of candidates/ that is called by its step, so there is something to choose from.

    Raises:
        UserError: the loss is no number or has shot up, or the disk is full; the last checkpoint is kept.
    """
    with plainly_full(job):
        _train(job)


def _train(job: Job) -> None:
    tokenizer = load_tokenizer(job.start)
    samples = prepare(job, tokenizer)
    prefix = shared_prefix(samples)
    lengths = [len(sample.ids) - 1 - prefix for sample in samples]
    engine, model = open_engine(job, len(tokenizer), prefix + max(lengths))
    steps = plan_steps(lengths, job.phase.epochs, job.phase.batch_tokens, job.seed)
    if engine.rank == 0:
        remark(job, max(lengths), len(steps))
    kept = epoch_ends(steps, len(samples))[-job.candidates :]
    done = engine.restore(job.work) or Progress(0, 0, 0.0)
    metrics = Metrics(job.work, job.name, done, job.track, writes=engine.rank == 0)
    if done.step and engine.rank == 0:
        say(f"train {job.name}{job.part}: resumed after step {done.step} of {len(steps)}")
    with task(f"train {job.name}{job.part}", len(steps)) as advance:
        advance(done.step, "")
        for number in range(done.step, len(steps)):
            began = time.monotonic()
            # Of the step and not of the run, so that a resumed run draws the same.
            torch.manual_seed(job.seed + 1_000_003 * number + engine.rank)
            rows = split_step(steps[number], lengths, job.max_length, job.processes)
            own = [[samples[s] for s in row] for row in rows[engine.rank :: job.processes]]
            total = learnt_tokens([samples[s] for s in steps[number]])
            loss, tokens = run_step(engine, model, own, total, samples[steps[number][0]], job.processes)
            metrics.check(loss)
            rate = learning_rate(job.phase, number, len(steps))
            norm = engine.step(rate)
            advance(1, metrics.add(loss, tokens, norm, rate, time.monotonic() - began))
            if number + 1 in kept:
                write_candidate(engine, tokenizer, job.work / CANDIDATES / str(number + 1))
            if (number + 1) % job.checkpoint_every == 0 and number + 1 < len(steps):
                engine.save(job.work, metrics.progress)
    metrics.close()


@contextmanager
def plainly_full(job: Job) -> Iterator[None]:
    """Training, with one line where the GPU's memory does not suffice.

    Raises:
        UserError: it does not.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"train {job.name}: {str(error).split('. ')[0]}; lower train.max_length, say "
            "train.gradient_checkpointing, or take a profile that shards more (train.deepspeed: zero3) "
            f"over more processes (the last checkpoint is in {job.work})"
        ) from None


def remark(job: Job, longest: int, steps: int) -> None:
    """Say beforehand what the recipe and these samples come to that nobody may have meant."""
    if longest > job.max_length:
        say(
            f"train {job.name}: the longest sample has {longest:,} tokens, more than train.max_length "
            f"({job.max_length:,}); it is learnt in a row of its own, which needs that much more memory"
        )
    if steps < FEW:
        say(
            f"train {job.name}: {steps} steps are few to learn in; "
            f"for so few samples lower {stated(job.name)}.batch_tokens in the recipe"
        )


def write_candidate(engine: Engine, tokenizer: Any, folder: Path) -> None:
    """Save the model as it is, with its tokenizer.

    Raises:
        UserError: it cannot be written; the checkpoint before is kept.
    """
    with plainly_failing(folder):
        engine.write_model(folder)
        if engine.rank == 0:
            tokenizer.save_pretrained(folder)


def prepare(job: Job, tokenizer: Any) -> list[Encoded]:
    """A job's samples as tokens, with what the base holds likely where that is to be learnt."""
    shown = {place: encode(turns, tokenizer) for place, turns in enumerate(job.shown) if turns is not None}
    samples = [
        encode(turns, tokenizer, unmask=job.phase.unmask and place not in shown)
        for place, turns in enumerate(job.conversations)
    ]
    if shown:
        from bot.train.targets import likely_tokens

        weights = job.weights or [1.0] * len(samples)
        likely = likely_tokens(job.base, list(shown.values()), job.precision, len(tokenizer))
        for place, (ids, shares) in zip(shown, likely, strict=True):
            samples[place] = replace(samples[place], likely=(ids, shares * weights[place]))
    return samples


def open_engine(job: Job, tokens: int, longest: int) -> tuple[Engine, Any]:
    """The engine that the job asks for, and the model as it is to be called.

    Args:
        tokens: how many the tokenizer knows.
        longest: tokens of the longest sample.
    """
    model, grown = load_packed(job.start, job.precision, tokens)
    # Before the first step, and not in the row where it comes up.
    check_window(type(model).__name__, longest, window_of(model.config))
    mend_generation(model)
    model.train()
    if job.checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    if job.rank:
        model = add_adapter(model, job.rank, job.seed)
    if job.neurons:
        add_neurons(model, job.neurons, job.seed, load_gates(job.work))
        lower = trained_layers(model).start
        # Where several processes share out the layers, all of them must compute the same ones.
        if lower and job.processes == 1 and not grown and not job.phase.noise:
            Trunk(model, lower)
    # Names are spelt with tokens that the model has; what is learnt goes into the layers.
    model.get_input_embeddings().weight.requires_grad_(grown)
    sizes = [(weight.numel(), weight.nbytes, weight.requires_grad) for weight in model.parameters()]
    whole = sum(size for _, size, _ in sizes) * job.candidates
    check_room(job.work, sum(numbers for numbers, _, learns in sizes if learns), whole)
    if job.phase.noise:
        model.get_input_embeddings().register_forward_hook(noise_hook(job.phase.noise))
    if job.deepspeed:
        from bot.train.sharded import ShardedEngine

        sharded = ShardedEngine(model, job)
        return sharded, sharded.engine
    return PlainEngine(model, job.phase), model


def noise_hook(alpha: float) -> Callable[[Any, Any, Tensor], Tensor]:
    """NEFTune (arXiv 2310.05914): noise on the embeddings while training, so that wording matters less.

    The paper scales by the sequence's length; a row holds many samples, so a usual one's stands for it.
    """

    def add_noise(module: Any, inputs: Any, embedded: Tensor) -> Tensor:
        size = alpha / math.sqrt(SAMPLE_TOKENS * embedded.shape[-1])
        return embedded + torch.empty_like(embedded).uniform_(-size, size)

    return add_noise


def run_step(
    engine: Engine,
    model: Any,
    rows: Sequence[Sequence[Encoded]],
    total: int,
    filler: Encoded,
    processes: int,
) -> tuple[float, int]:
    """Gradients of one optimizer step: the mean over all learnt tokens of all rows of all processes.

    Args:
        rows: this process's own.
        total: learnt tokens of the whole step.
        filler: a sample for a row that is empty; it takes part in the computation but not in the loss.

    Returns:
        the loss, and the tokens that this process computed.
    """
    losses, tokens = [], 0
    for number, samples in enumerate(rows):
        row = pack(samples or [filler])
        loss = row_loss(model, row) * (processes / total if samples else 0.0)
        engine.backward(loss, last=number + 1 == len(rows))
        losses.append(loss.detach())
        tokens += row.ids.numel()
    # Only now, so that rows are laid out while a GPU computes those before.
    return engine.mean(sum(loss.item() for loss in losses)), tokens


def row_logits(model: Any, row: Row) -> Tensor:
    """Scores of the next token, (learnt tokens, vocabulary): only where there is something to learn."""
    device = next(model.parameters()).device
    logits: Tensor = model(
        input_ids=row.ids.to(device, non_blocking=True),
        position_ids=row.positions.to(device, non_blocking=True),
        use_cache=False,
        packed=row.packed.to(device),
        logits_to_keep=row.predict.to(device, non_blocking=True),
    ).logits[0]
    return logits.float()


def row_loss(model: Any, row: Row) -> Tensor:
    """Summed cross entropy of a row, in float32."""
    logits = row_logits(model, row)
    targets, shares = (part.to(logits.device, non_blocking=True) for part in (row.targets, row.shares))
    if targets.shape[1] == 1:
        return cross_entropy(logits, targets[:, 0], reduction="sum")
    chosen = logits.gather(1, targets) - logits.logsumexp(1, keepdim=True)
    return -(shares * chosen).sum()


def learning_rate(phase: PhaseRecipe, step: int, steps: int) -> float:
    """The rate at a step, counted from 0: it rises over the warm-up and then follows the schedule."""
    warmup = phase.warmup * steps
    if step < warmup:
        return phase.learning_rate * (step + 1) / (warmup + 1)
    if phase.schedule == "constant":
        return phase.learning_rate
    left = 1 - (step - warmup) / max(1.0, steps - warmup)
    share = left if phase.schedule == "linear" else (1 - math.cos(math.pi * left)) / 2
    return phase.learning_rate * share
