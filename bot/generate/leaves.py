"""Generate the samples of leaves: batch by batch, and none that is in the store already."""

import json
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from typing import Any

import bot.generate.full
import bot.generate.skills
import bot.generate.small  # noqa: F401 pipelines find their blocks in these
from bot.errors import UserError
from bot.generate.blocks import batches_of, run_batch
from bot.generate.candidates import NO_ANSWER, Batch, Candidate, Drop
from bot.generate.exit_check import UNSAFE, approved_in, unsafe
from bot.generate.filters import near, takes
from bot.generate.generated import Funnel, Generated
from bot.generate.given import all_given
from bot.generate.keys import batch_key, leaf_inputs, leaf_key, pipeline_for
from bot.generate.pipeline import Pipeline
from bot.generate.prompting import Prompts
from bot.generate.rows import FILE, StoredSamples, samples_to_bytes
from bot.generate.sample import Sample, sample_of
from bot.progress import Show, live_table, say, unseen
from bot.recipe import Recipe
from bot.store import Entry, Store, canonical
from bot.taxonomy.leaf import Leaf
from bot.teachers import Teacher, open_teacher
from bot.took import Took, generation_by, record, this_device
from bot.words import normal

EXAMPLES = 3
# Batches of one leaf that are asked for at once, at most.
AHEAD = 4
COLUMNS = ("samples", "tokens/s", "dropped", "time left")


@dataclass
class _Made:
    """What the batches came to so far.

    Attributes:
        approved: see `bot.generate.exit_check`.
    """

    approved: frozenset[str]
    samples: list[Sample] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    tokens: int = 0
    asked: int = 0
    reused: int = 0

    def add(self, batch: Mapping[str, Any], *, reused: bool) -> None:
        """A batch as it is kept; what was asked before, but for a letter, is dropped."""
        self.reused += reused
        self.asked += not reused
        self.tokens += batch["tokens"]
        self.drops += [Drop(**line) for line in batch["drops"]]
        for sample in map(sample_of, batch["samples"]):
            question = sample.messages[-2][1]
            twin = next((known for known in self.known if near(normal(question), known)), None)
            reason = unsafe(sample, self.approved)
            if reason is not None:
                self.drops.append(Drop(UNSAFE, sample.source, reason))
            elif twin is not None:
                self.drops.append(Drop("duplicate", question, f"as {twin!r}"))
            else:
                self.known.append(normal(question))
                self.samples.append(sample)


def generate_leaves(
    leaves: Sequence[Leaf], recipe: Recipe, store: Store, *, limit: int | None = None
) -> list[Generated]:
    """Make the leaves' samples, or take them from the store; as many leaves at once as the teacher gains by.

    The store is asked which leaves it has by one listing.

    Args:
        limit: see `generate_leaf`.
    """
    keys = {leaf.path: leaf_key(leaf, recipe) for leaf in leaves}
    stored = store.get_many("samples", keys.values()) if limit is None else {}
    missing = [leaf for leaf in leaves if keys[leaf.path] not in stored]
    made = {leaf.path: _kept(leaf, stored[keys[leaf.path]]) for leaf in leaves if keys[leaf.path] in stored}
    if missing:
        began = time.monotonic()
        anew = _made_anew(missing, recipe, store, limit)
        _record(anew, time.monotonic() - began, recipe, store)
        made |= {one.leaf: one for one in anew}
    return [made[leaf.path] for leaf in leaves]


def _record(made: Sequence[Generated], seconds: float, recipe: Recipe, store: Store) -> None:
    """Write down how long the teacher took, for the next estimate."""
    asked = [one for one in made if one.asked]
    share = [one.funnel.accepted * one.asked / (one.asked + one.reused) for one in asked]
    device = "its endpoint" if recipe.teacher.engine == "openai" else this_device()
    record(store, Took("generate", device, sum(share), seconds, len(asked), generation_by(recipe)))


def _made_anew(leaves: Sequence[Leaf], recipe: Recipe, store: Store, limit: int | None) -> list[Generated]:
    teacher = open_teacher(recipe)
    pool = ThreadPoolExecutor(teacher.at_once)
    try:
        with closing(teacher), live_table("leaf", COLUMNS) as show:

            def make(leaf: Leaf) -> Generated:
                return generate_leaf(leaf, recipe, store, teacher, limit=limit, show=show)

            # One that asks alone does so in this thread, where an interrupt ends it at once.
            return [make(leaf) for leaf in leaves] if teacher.at_once == 1 else list(pool.map(make, leaves))
    finally:
        # The teacher is closed by now, so that what is still under way ends.
        pool.shutdown(cancel_futures=True)


def generate_leaf(
    leaf: Leaf,
    recipe: Recipe,
    store: Store,
    teacher: Teacher | None,
    *,
    limit: int | None = None,
    show: Show = unseen,
) -> Generated:
    """Make a leaf's samples, or take them from the store.

    Args:
        teacher: whom to ask; with None, what is in the store is all.
        limit: make only as many batches as this number of the teacher's samples takes; a later run without
            limit goes on from there.
        show: is told how far it is; see `COLUMNS`.
    """
    key = leaf_key(leaf, recipe)
    entry = store.get("samples", key) if limit is None else None
    if entry is not None:
        return _kept(leaf, entry)
    wanted = recipe.generate.samples if limit is None else min(limit, recipe.generate.samples)
    made, begun = _Made(approved_in([leaf])), time.monotonic()
    with store.work("samples", key):
        for _ in _rounds(leaf, recipe, store, teacher, made, wanted):
            show(leaf.path, _row(made, wanted, time.monotonic() - begun))
        generated = _generated(leaf, key, recipe, made)
        if limit is None and teacher is not None and not generated.failed:
            _keep(store, leaf, recipe, generated)
    if limit is None and teacher is not None and len(made.samples) < recipe.generate.samples:
        say(_shortfall(generated, recipe.generate.samples))
    return generated


def _rounds(
    leaf: Leaf, recipe: Recipe, store: Store, teacher: Teacher | None, made: _Made, wanted: int
) -> Iterator[None]:
    """Add batches in their order until there are enough samples; yields before each and at the end.

    As many are under way at once as are likely needed, where the teacher gains by it. One that proves to be
    too many is in the store for a later run that wants more.
    """
    pipeline = pipeline_for(leaf, recipe)
    numbered = enumerate(islice(batches_of(leaf, pipeline), recipe.generate.batches))

    def have(batch: tuple[int, list[Candidate]]) -> tuple[Mapping[str, Any], bool] | None:
        """A batch, and whether it was there; None if it is not and there is nobody to ask."""
        key = batch_key(leaf, recipe, batch[0])
        kept = store.get("batch", key)
        if kept is not None:
            return kept.read_json("batch.json"), True
        if teacher is None:
            return None
        asking = Batch(leaf, teacher, recipe.teacher.temperature, Prompts(recipe.generate.prompts))
        return _ask(store, key, asking, pipeline, batch[1]), False

    many = teacher is not None and teacher.at_once > 1
    under_way: deque[Callable[[], tuple[Mapping[str, Any], bool] | None]] = deque()
    pool = ThreadPoolExecutor(AHEAD)
    try:
        while len(made.samples) < wanted:
            yield
            more = (_due(made, wanted, pipeline) if many else 1) - len(under_way)
            for batch in islice(numbered, max(0, more)):
                # Alone it is done in this thread, where an interrupt ends it at once.
                under_way.append(pool.submit(have, batch).result if many else partial(have, batch))
            found = under_way.popleft()() if under_way else None
            if found is None:
                break
            made.add(found[0], reused=found[1])
    finally:
        pool.shutdown(cancel_futures=True)
    yield


def _due(made: _Made, wanted: int, pipeline: Pipeline) -> int:
    """How many batches are likely needed still; before anything is known, half of the candidates are good."""
    tried = len(made.samples) + len(made.drops)
    share = (len(made.samples) + 1) / (tried + 2)
    return min(AHEAD, math.ceil((wanted - len(made.samples)) / (share * pipeline.batch)))


def _keep(store: Store, leaf: Leaf, recipe: Recipe, generated: Generated) -> None:
    facts = {
        "samples": len(generated.samples),
        "funnel": asdict(generated.funnel),
        "batches": generated.asked + generated.reused,
    }
    files = {FILE: samples_to_bytes(generated.samples)}
    store.put("samples", generated.key, leaf_inputs(leaf, recipe), files, facts=facts)


def _kept(leaf: Leaf, entry: Entry) -> Generated:
    funnel, batches = Funnel(**entry.facts["funnel"]), entry.facts["batches"]
    return Generated(leaf.path, entry.key, StoredSamples(entry), funnel, reused=batches)


def _row(made: _Made, wanted: int, seconds: float) -> tuple[str, ...]:
    """What the live table shows of a leaf; see `COLUMNS`."""
    accepted = len(made.samples)
    dropped = Counter(drop.filter for drop in made.drops).most_common(3)
    left = (wanted - accepted) * seconds / accepted if accepted and made.asked else 0.0
    return (
        f"{accepted}/{wanted}",
        f"{made.tokens / seconds:.0f}" if made.asked else "from the store" if made.reused else "",
        ", ".join(f"{count} {name}" for name, count in dropped),
        f"{max(0.0, left):.0f} s" if accepted < wanted and left else "",
    )


def _ask(
    store: Store, key: str, batch: Batch, pipeline: Pipeline, candidates: list[Candidate]
) -> dict[str, Any]:
    """Have one batch made, and keep it if it is whole."""
    samples = run_batch(batch, pipeline, candidates)
    result = {
        "samples": [sample.to_json() for sample in samples],
        "drops": [asdict(drop) for drop in batch.drops],
        "tokens": batch.tokens,
    }
    if not any(drop.filter == NO_ANSWER for drop in batch.drops):
        store.put("batch", key, {"leaf": batch.leaf.path}, {"batch.json": canonical(result).encode()})
    return result


def _generated(leaf: Leaf, key: str, recipe: Recipe, made: _Made) -> Generated:
    examples: dict[str, list[str]] = {}
    for drop in made.drops:
        examples.setdefault(drop.filter, []).append(f"{drop.question} ({drop.reason})")
    given, refusals = all_given(leaf, made.samples, recipe.seed, made.approved)
    funnel = Funnel(
        candidates=len(made.samples) + len(made.drops),
        accepted=len(made.samples),
        dropped=dict(Counter(drop.filter for drop in made.drops)),
        examples={name: lines[:EXAMPLES] for name, lines in examples.items()},
        given=dict(Counter(sample.kind for sample in given)),
        refused=len(refusals),
        refusals=refusals[:EXAMPLES],
    )
    # Where there are enough samples all the same, nothing is missing.
    short = len(made.samples) < recipe.generate.samples
    lost = [drop.reason for drop in made.drops if drop.filter == NO_ANSWER] if short else []
    return Generated(
        *(leaf.path, key, (*made.samples, *given), funnel, made.asked, made.reused, made.tokens),
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
