"""Generation: a teacher multiplies a leaf's seeds and documents into samples; batch by batch, never twice."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import bot.generate.full
import bot.generate.skills
import bot.generate.small  # noqa: F401 pipelines find their blocks in these
from bot.errors import UserError
from bot.evaluate.words import normal
from bot.generate.blocks import Pipeline, batches_of, pipeline_of, run_batch
from bot.generate.candidates import NO_ANSWER, Batch, Candidate, Drop
from bot.generate.filters import takes
from bot.generate.given import given_samples, keyword_samples
from bot.generate.prompting import Prompts
from bot.generate.sample import Sample, sample_of
from bot.progress import say, task
from bot.recipe import Recipe
from bot.store import Store, canonical, key_of
from bot.taxonomy.leaf import Leaf
from bot.teachers import Teacher, teacher_inputs

__all__ = ["Funnel", "Generated", "Sample", "check_complete", "generate_leaf", "leaf_key", "takes"]

EXAMPLES = 3
# Raised whenever what is kept of a leaf changes though its pipeline does not.
VERSION = 6


@dataclass(frozen=True)
class Funnel:
    """What became of the teacher's candidates.

    Attributes:
        dropped: filter -> how many it took.
        examples: filter -> up to three of these, with the reason.
    """

    candidates: int
    accepted: int
    dropped: Mapping[str, int]
    examples: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Generated:
    """The samples of one leaf, the teacher's before the given ones, and how they came about.

    Attributes:
        reused: batches that were in the store; `asked` went to the teacher now.
        failed: candidates for which the teacher could not be had; another run asks for them again.
        failure: why, for the first of them.
    """

    leaf: str
    key: str
    samples: tuple[Sample, ...]
    funnel: Funnel
    asked: int = 0
    reused: int = 0
    teacher_tokens: int = 0
    failed: int = 0
    failure: str = ""


@dataclass
class _Made:
    """What the batches came to so far."""

    samples: list[Sample] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    tokens: int = 0
    asked: int = 0
    reused: int = 0


def leaf_key(leaf: Leaf, recipe: Recipe) -> str:
    """The key of a leaf's samples: its content, the teacher, the prompts and the seed. Loads no engine."""
    return key_of("samples", VERSION, _inputs(leaf, recipe))


def _inputs(leaf: Leaf, recipe: Recipe) -> dict[str, Any]:
    return {
        "leaf": leaf.canonical() | {"grounded": leaf.grounded},
        "teacher": teacher_inputs(recipe),
        "pipeline": {"family": recipe.generate.pipeline, "version": _pipeline(leaf, recipe).version},
        "samples": recipe.generate.samples,
        "batches": recipe.generate.batches,
        "prompts": Prompts(recipe.generate.prompts).fingerprint(),
        "seed": recipe.seed,
    }


def generate_leaf(
    leaf: Leaf, recipe: Recipe, store: Store, teacher: Teacher, *, limit: int | None = None
) -> Generated:
    """Make a leaf's samples, or take them from the store.

    Args:
        limit: make only as many batches as this number of the teacher's samples takes; a later run without
            limit goes on from there.
    """
    key = leaf_key(leaf, recipe)
    wanted = recipe.generate.samples if limit is None else min(limit, recipe.generate.samples)
    pipeline, made = _pipeline(leaf, recipe), _Made()
    batches = islice(batches_of(leaf, pipeline), recipe.generate.batches)
    with store.work("samples", key), task(f"generate {leaf.path}", wanted) as advance:
        for number, candidates in enumerate(batches):
            if len(made.samples) >= wanted:
                break
            before = len(made.samples)
            batch_key = key_of("batch", 1, {"leaf": key, "n": number})
            batch = Batch(leaf, teacher, recipe.teacher.temperature, Prompts(recipe.generate.prompts))
            _one_batch(store, batch_key, batch, pipeline, candidates, made)
            advance(len(made.samples) - before, f"{made.tokens} tokens of the teacher")
        generated = _generated(leaf, key, recipe, made)
        if limit is None and not generated.failed:
            lines = "".join(canonical(sample.to_json()) + "\n" for sample in generated.samples)
            files = {
                "samples.jsonl": lines.encode(),
                "funnel.json": canonical(asdict(generated.funnel)).encode(),
            }
            store.put("samples", key, _inputs(leaf, recipe), files)
    if limit is None and len(made.samples) < recipe.generate.samples:
        say(_shortfall(generated, recipe.generate.samples))
    return generated


def _pipeline(leaf: Leaf, recipe: Recipe) -> Pipeline:
    return pipeline_of(leaf, recipe.generate.pipeline, recipe.teacher.model)


def _one_batch(
    store: Store, key: str, batch: Batch, pipeline: Pipeline, candidates: list[Candidate], made: _Made
) -> None:
    """Add one batch to what is made: from the store, or the teacher and then, if whole, into the store."""
    entry = store.get("batch", key)
    if entry is not None:
        result = entry.read_json("batch.json")
        made.reused += 1
    else:
        samples = run_batch(batch, pipeline, candidates)
        result = {
            "samples": [sample.to_json() for sample in samples],
            "drops": [asdict(drop) for drop in batch.drops],
            "tokens": batch.tokens,
        }
        if not any(drop.filter == NO_ANSWER for drop in batch.drops):
            store.put("batch", key, {"leaf": batch.leaf.path}, {"batch.json": canonical(result).encode()})
        made.asked += 1
    known = {normal(sample.messages[-2][1]) for sample in made.samples}
    made.tokens += result["tokens"]
    for sample, drop in _read(result):
        if sample is not None and normal(sample.messages[-2][1]) in known:
            made.drops.append(Drop("duplicate", sample.messages[-2][1], "asked before"))
        elif sample is not None:
            known.add(normal(sample.messages[-2][1]))
            made.samples.append(sample)
        elif drop is not None:
            made.drops.append(drop)


def _read(data: Mapping[str, Any]) -> Iterator[tuple[Sample | None, Drop | None]]:
    for line in data["samples"]:
        yield sample_of(line), None
    for line in data["drops"]:
        yield None, Drop(**line)


def _generated(leaf: Leaf, key: str, recipe: Recipe, made: _Made) -> Generated:
    examples: dict[str, list[str]] = {}
    for drop in made.drops:
        examples.setdefault(drop.filter, []).append(f"{drop.question} ({drop.reason})")
    funnel = Funnel(
        candidates=len(made.samples) + len(made.drops),
        accepted=len(made.samples),
        dropped=dict(Counter(drop.filter for drop in made.drops)),
        examples={name: lines[:EXAMPLES] for name, lines in examples.items()},
    )
    plain = (*made.samples, *given_samples(leaf, recipe.seed))
    samples = (*plain, *keyword_samples(leaf, plain, recipe.seed))
    # Where there are enough samples all the same, nothing is missing.
    short = len(made.samples) < recipe.generate.samples
    lost = [drop.reason for drop in made.drops if drop.filter == NO_ANSWER] if short else []
    return Generated(
        *(leaf.path, key, samples, funnel, made.asked, made.reused, made.tokens),
        failed=len(lost),
        failure=lost[0] if lost else "",
    )


def check_complete(generated: Sequence[Generated]) -> None:
    """Whether the teacher could be had for all that was asked of it.

    Raises:
        UserError: it could not; the next run asks for what is missing, and for no more.
    """
    lost = [made for made in generated if made.failed]
    if lost:
        count = sum(made.failed for made in lost)
        raise UserError(
            f"{count} requests got no answer, in {', '.join(made.leaf for made in lost[:5])}: "
            f"{lost[0].failure}; what came is kept, run again for the rest"
        )


def _shortfall(generated: Generated, wanted: int) -> str:
    funnel = generated.funnel
    lines = [
        f"{generated.leaf}: {funnel.accepted} of {wanted} samples wanted, of {funnel.candidates} candidates"
    ]
    for name, count in sorted(funnel.dropped.items(), key=lambda item: -item[1]):
        examples = "; ".join(json.dumps(line[:160], ensure_ascii=False) for line in funnel.examples[name])
        lines.append(f"  {name} took {count} (what {takes(name)}): {examples}")
    return "\n".join(lines)
