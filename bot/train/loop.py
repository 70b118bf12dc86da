"""The loop: one phase of training, in one process on plain torch, or in many and on a GPU with DeepSpeed.

The same steps, rows and loss either way. A single CPU process is faster without DeepSpeed (BENCHMARKS.md).
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from bot.errors import UserError
from bot.models import load_model, load_tokenizer
from bot.progress import say, task
from bot.recipe import PhaseRecipe
from bot.train.attention import NAME as ATTENTION
from bot.train.checkpoint import Progress, load_checkpoint, save_checkpoint
from bot.train.optimizer import MasterAdamW
from bot.train.packing import Encoded, Row, encode, learnt_tokens, pack, plan_steps, shared_prefix, split_step

# A usual sample's length; see `noise_hook`.
SAMPLE_TOKENS = 40


@dataclass(frozen=True)
class Job:
    """One phase to be trained; plain data, so that it can be handed to other processes.

    Attributes:
        start: folder of the model to start from.
        conversations: (role, content) turns of each sample.
        work: folder for checkpoints; the trained model comes to lie in its `model/`.
        deepspeed: path of a DeepSpeed profile, or "" for plain torch.
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
    deepspeed: str = ""
    processes: int = 1


class Engine(Protocol):
    """What takes gradients and steps: plain torch here, DeepSpeed in deepspeed.py."""

    rank: int

    def backward(self, loss: Tensor, *, last: bool) -> None: ...

    def step(self, learning_rate: float) -> float: ...

    def mean(self, value: float) -> float:
        """A number's mean over all processes."""
        ...

    def save(self, folder: Path, progress: Progress) -> None: ...

    def restore(self, folder: Path) -> Progress | None: ...

    def write_model(self, folder: Path) -> None: ...


class PlainEngine:
    """One process, AdamW with float32 copies of the weights."""

    rank = 0

    def __init__(self, model: Any, job: Job) -> None:
        self.model, self.optimizer = model, MasterAdamW(model, job.phase)

    def backward(self, loss: Tensor, *, last: bool) -> None:
        loss.backward()  # type: ignore[no-untyped-call]

    def step(self, learning_rate: float) -> float:
        return self.optimizer.step(learning_rate)

    def mean(self, value: float) -> float:
        return value

    def save(self, folder: Path, progress: Progress) -> None:
        save_checkpoint(folder, progress, self.optimizer.state())

    def restore(self, folder: Path) -> Progress | None:
        found = load_checkpoint(folder)
        if found is None:
            return None
        self.optimizer.restore(found[1])
        return found[0]

    def write_model(self, folder: Path) -> None:
        self.model.save_pretrained(folder)


def train(job: Job) -> None:
    """Train one phase; the model and metrics.jsonl are in the job's work folder afterwards."""
    torch.manual_seed(job.seed)
    tokenizer = load_tokenizer(job.start)
    samples = [encode(messages, tokenizer) for messages in job.conversations]
    engine, model = open_engine(job)
    prefix = shared_prefix(samples)
    lengths = [len(sample.ids) - 1 - prefix for sample in samples]
    steps = plan_steps(lengths, job.phase.epochs, job.phase.batch_tokens, job.seed)
    done = engine.restore(job.work) or Progress(0, 0, 0.0)
    metrics = Metrics(job.work / "metrics.jsonl", done, quiet=engine.rank > 0)
    if done.step and not metrics.quiet:
        say(f"train {job.name}: resumed after step {done.step} of {len(steps)}")
    with task(f"train {job.name}", len(steps)) as advance:
        advance(done.step, "")
        for number in range(done.step, len(steps)):
            began = time.monotonic()
            rows = split_step(steps[number], lengths, job.max_length, job.processes)
            own = [[samples[s] for s in row] for row in rows[engine.rank :: job.processes]]
            total = learnt_tokens([samples[s] for s in steps[number]])
            loss, tokens = run_step(engine, model, own, total, samples[steps[number][0]], job.processes)
            rate = learning_rate(job.phase, number, len(steps))
            norm = engine.step(rate)
            if not math.isfinite(loss):
                raise UserError(
                    f"train {job.name}: the loss is {loss} at step {number + 1}; "
                    f"lower train.{job.name}.learning_rate in the recipe"
                )
            note = metrics.add(loss, tokens, norm, rate, time.monotonic() - began)
            advance(1, note)
            if (number + 1) % job.checkpoint_every == 0 and number + 1 < len(steps):
                engine.save(job.work, metrics.progress)
    engine.write_model(job.work / "model")
    if engine.rank == 0:
        tokenizer.save_pretrained(job.work / "model")


def open_engine(job: Job) -> tuple[Engine, Any]:
    """The engine that the job asks for, and the model as it is to be called."""
    model = load_model(job.start, job.precision, attn_implementation=ATTENTION)
    model.train()
    # Names are spelt with tokens that the model has; what is learnt goes into the layers.
    model.get_input_embeddings().weight.requires_grad_(False)
    if job.phase.noise:
        model.get_input_embeddings().register_forward_hook(noise_hook(job.phase.noise))
    if job.deepspeed:
        from bot.train.sharded import ShardedEngine

        sharded = ShardedEngine(model, job)
        return sharded, sharded.engine
    return PlainEngine(model, job), model


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
    loss_sum, tokens = 0.0, 0
    for number, samples in enumerate(rows):
        row = pack(samples or [filler])
        loss = row_loss(model, row) * (processes / total if samples else 0.0)
        engine.backward(loss, last=number + 1 == len(rows))
        loss_sum += loss.item()
        tokens += row.ids.numel()
    return engine.mean(loss_sum), tokens


def row_loss(model: Any, row: Row) -> Tensor:
    """Summed loss of a row; logits are computed only where there is something to learn."""
    device = next(model.parameters()).device
    predict, targets = row.predict.to(device), row.targets.to(device)
    logits = model(
        input_ids=row.ids.to(device),
        position_ids=row.positions.to(device),
        use_cache=False,
        packed=row.packed.to(device),
        logits_to_keep=predict,
    ).logits[0]
    return cross_entropy(logits.float(), targets, reduction="sum")


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


class Metrics:
    """A line for each step in a file, which after a kill goes on where the checkpoint was."""

    def __init__(self, file: Path, done: Progress, *, quiet: bool) -> None:
        self.file, self.progress, self.quiet = file, done, quiet
        lines = file.read_text().splitlines()[: done.step] if file.exists() else []
        if not quiet:
            file.write_text("".join(f"{line}\n" for line in lines))

    def add(self, loss: float, tokens: int, norm: float, rate: float, seconds: float) -> str:
        """Write a step down.

        Returns:
            what to show beside the progress.
        """
        before = self.progress
        self.progress = Progress(before.step + 1, before.tokens + tokens, before.seconds + seconds)
        line = {
            "step": self.progress.step,
            "loss": round(loss, 6),
            "learning_rate": rate,
            "gradient_norm": round(norm, 4),
            "tokens": tokens,
            "seconds": round(seconds, 3),
        }
        if not self.quiet:
            with self.file.open("a") as file:
                file.write(json.dumps(line) + "\n")
        return f"loss {loss:.3f}, {self.progress.tokens / self.progress.seconds:.0f} tokens/s"
