"""Training on one GPU: real tokens a second and MFU of this loop, beside transformers' own Trainer, padded.

Weights are drawn at random, which changes no speed; the tokenizer is the embedded model's. MFU is after PaLM
(arXiv 2204.02311, appendix B) without attention: six operations a weight and computed token, of all weights
but the word list's, over what the card's maker says it can do.
"""

import gc
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

from benchmarks.training import conversations
from bot.config.device import PEAK
from bot.config.recipe import PhaseRecipe
from bot.inference.models import load_model, load_tokenizer, model_folder
from bot.taxonomy.tree import load_tree
from bot.train.job import Example, Job
from bot.train.launch import launch
from bot.train.loop import train
from bot.train.packing import Encoded, encode, plan_steps, shared_prefix
from tests import ROOT

Talk = tuple[tuple[str, str], ...]

SHAPES = {
    "SmolLM2-135M": {
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
    },
    "Llama-3.2-1B": {
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
    },
}
CASES = (("Llama-3.2-1B", "long"), ("SmolLM2-135M", "short"))
"""A usual case, and one in which a GPU waits for its host."""
ROW, BATCH_TOKENS = 8_192, 65_536
"""Of a row and of a step, without what all samples begin with."""
WARMUP = 2
"""Steps that are not counted."""
SHORT, LONG = 8_000, 640


def long_talks() -> list[Talk]:
    """Questions on passages of 60 to 1,100 words or so, out of the seed taxonomy's own text in any order."""
    words = " ".join(
        f"{seed.context or ''} {pair.question} {pair.answer}"
        for leaf in load_tree(ROOT / "taxonomy")
        for seed in leaf.seeds
        for pair in seed.pairs
    ).split()
    draw = random.Random(0)
    passages = [" ".join(draw.choices(words, k=draw.randint(60, 1_100))) for _ in range(LONG)]
    return [(("user", f"{text}\n\nWhat is it?"), ("assistant", " ".join(words[:40]))) for text in passages]


def write_model(shape: str, folder: Path) -> Path:
    """A model of that shape, of random weights."""
    tokenizer = load_tokenizer(model_folder("embedded"))
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), tie_word_embeddings=True, max_position_embeddings=8_192, **SHAPES[shape]
    )
    with torch.device("cuda"):
        model: Any = LlamaForCausalLM(config)  # type: ignore[no-untyped-call]
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def ours(job: Job, run: Callable[[Job], None]) -> tuple[float, int, float]:
    """Seconds of the counted steps, tokens computed in them, and the most memory (GB)."""
    job.work.mkdir()
    run(job)
    lines = (job.work / "metrics.jsonl").read_text().splitlines()[WARMUP:]
    steps = [json.loads(line) for line in lines]
    seconds, tokens = (sum(step[name] for step in steps) for name in ("seconds", "tokens"))
    return seconds, int(tokens), max(step["memory_gb"] for step in steps)


class Timed(Trainer):  # type: ignore[misc]
    """transformers' Trainer, which notes when each micro-batch ended."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.ends: list[float] = []

    def training_step(self, *arguments: Any, **named: Any) -> Any:
        loss = super().training_step(*arguments, **named)
        torch.cuda.synchronize()
        self.ends.append(time.monotonic())
        return loss


def padded(start: Path, samples: Sequence[Encoded], work: Path) -> tuple[float, int, float]:
    """The same of the Trainer in bf16 autocast, and real tokens in place of computed ones."""
    tokens = sum(len(sample.ids) for sample in samples)
    # As many samples a micro-batch as come to a row, and as many a step as come to one of the loop's.
    micro, batches = round(ROW / (tokens / len(samples))), BATCH_TOKENS // ROW

    def collate(batch: Sequence[Encoded]) -> dict[str, torch.Tensor]:
        longest = max(len(sample.ids) for sample in batch)
        ids, labels = (torch.full((len(batch), longest), fill) for fill in (0, -100))
        for line, sample in enumerate(batch):
            ids[line, : len(sample.ids)] = torch.tensor(sample.ids)
            labels[line, sample.learnt : len(sample.ids)] = torch.tensor(sample.ids[sample.learnt :])
        mask = torch.tensor([[place < len(sample.ids) for place in range(longest)] for sample in batch])
        return {"input_ids": ids, "labels": labels, "attention_mask": mask.long()}

    torch.cuda.reset_peak_memory_stats()
    model = LlamaForCausalLM.from_pretrained(start, dtype=torch.float32, attn_implementation="sdpa")
    stated = TrainingArguments(
        output_dir=str(work),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=batches,
        num_train_epochs=1,
        bf16=True,
        optim="adamw_torch_fused",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_num_workers=4,
    )
    trainer = Timed(model=model, args=stated, train_dataset=list(samples), data_collator=collate)
    trainer.train()
    left_out = WARMUP * batches
    counted = trainer.ends[-1] - trainer.ends[left_out - 1]
    share = 1 - left_out / len(trainer.ends)
    return counted, round(tokens * share), torch.cuda.max_memory_allocated() / 1e9


def matrix_peak() -> float:
    """Floating point operations a second of a product of two large bf16 matrices."""
    one, two = (torch.randn(8_192, 8_192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for times in (3, 20):
        torch.cuda.synchronize()
        began = time.monotonic()
        for _ in range(times):
            one @ two
        torch.cuda.synchronize()
    return 20 * 2 * 8_192**3 / (time.monotonic() - began)


def main() -> None:
    """Print the table."""
    if not torch.cuda.is_available():
        raise SystemExit("this benchmark needs a GPU")
    card = torch.cuda.get_device_name()
    peak = next(peak for name, peak in PEAK.items() if name in card.lower())
    table = Table(title=f"Training on {card}, torch {torch.__version__}, bf16")
    columns = ("model", "samples", "what", "real tokens/s", "times padded", "computed tokens/s", "MFU", "GB")
    for column in columns:
        table.add_column(column, justify="right" if column[0] in "rtcMG" else "left")
    console = Console(width=160)
    for shape, name in CASES:
        with tempfile.TemporaryDirectory() as scratch:
            start = write_model(shape, Path(scratch) / shape)
            weights = weights_of(start)
            for run in compared(start, name, Path(scratch)):
                mfu = 6 * weights * run.computed / run.seconds / peak
                speeds = [f"{run.real / run.seconds:,.0f}", f"{run.times:.2f}"]
                speeds += [f"{run.computed / run.seconds:,.0f}", f"{mfu:.0%}"]
                table.add_row(shape, name, run.what, *speeds, f"{run.memory:.1f}")
                console.print(*[shape, name, run.what, *speeds, f"{run.memory:.1f}"], sep=" | ")
    console.print(table)
    console.print(f"A product of two bf16 matrices of 8,192 reaches {matrix_peak() / 1e12:.0f} TFLOP/s here.")


def weights_of(folder: Path) -> int:
    """How many weights a model has without its word list."""
    model = load_model(folder, "bf16")
    words = model.get_input_embeddings().weight.numel()
    return sum(weight.numel() for weight in model.parameters()) - int(words)


@dataclass(frozen=True)
class Run:
    """What was trained, in the steps that count.

    Attributes:
        real, computed: tokens without padding; and those that went through the model, padding left out.
        memory: the most, in GB.
        times: real tokens a second, over the padded ones.
    """

    what: str
    seconds: float
    real: int
    computed: int
    memory: float
    times: float


def compared(start: Path, name: str, scratch: Path) -> Iterator[Run]:
    """The Trainer, this loop on plain torch, and by DeepSpeed."""
    talks = long_talks() if name == "long" else (conversations() * SHORT)[:SHORT]
    tokenizer = load_tokenizer(start)
    samples = [encode(talk, tokenizer, unmask=name == "long") for talk in talks]
    phase = PhaseRecipe(learning_rate=1e-5, batch_tokens=BATCH_TOKENS, epochs=1, unmask=name == "long")
    job = Job(
        "bench", start, [Example(talk) for talk in talks], phase, "bf16", ROW, 10_000, 0, scratch, start
    )
    prefix = shared_prefix(samples)
    lengths = [len(sample.ids) - 1 - prefix for sample in samples]
    steps = plan_steps(lengths, 1, BATCH_TOKENS, 0)[WARMUP:]
    real = sum(len(samples[place].ids) for step in steps for place in step)
    seconds, tokens, memory = padded(start, samples, scratch / "trainer")
    speed = tokens / seconds
    yield Run("transformers Trainer, padded", seconds, tokens, tokens, memory, 1.0)
    for what, work, deepspeed, run in (
        ("arborist, plain torch", "plain", {}, train),
        ("arborist, DeepSpeed ZeRO 2", "zero2", {"zero_optimization": {"stage": 2}}, launch),
    ):
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        todo = replace(job, work=scratch / work, deepspeed=deepspeed)
        seconds, computed, memory = ours(todo, run)
        yield Run(what, seconds, real, computed, memory, real / seconds / speed)


if __name__ == "__main__":
    sys.exit(main())
