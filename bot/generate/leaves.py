"""Generation of the leaves' samples, batch by batch; whatever the store has is reused."""

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

import bot.generate.blocks_full
import bot.generate.blocks_skills
import bot.generate.blocks_small  # noqa: F401 these modules register the blocks of pipelines
from bot.core.errors import UserError
from bot.core.progress import Advance, Show, counted, live_table, say, uncounted, unseen
from bot.core.sample import Sample, sample_of
from bot.core.store import Entry, Store, canonical
from bot.generate.blocks import batches_of, run_batch
from bot.generate.candidates import NO_ANSWER, Batch, Candidate, Drop
from bot.generate.exit_check import UNSAFE, approved_in, unsafe
from bot.generate.filters import near, takes
from bot.generate.inputs import BatchInputs, SamplesInputs
from bot.generate.leaf_samples import Funnel, Generated
from bot.generate.pipeline_files import Pipeline
from bot.generate.rows import FILE, StoredSamples, samples_to_bytes
from bot.generate.teacher_notes import teacher_notes
from bot.generate.without_teacher import all_given, ways_left_out
from bot.inference.engine import Engine
from bot.text.words import normal

EXAMPLES = 3
# Maximum number of concurrent batches of one leaf.
AHEAD = 4
COLUMNS = ("samples", "tokens/s", "dropped", "left", "")


@dataclass
class _Made:
    """The results of a leaf's batches so far.

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
        """Add a batch in its stored form; drop unsafe samples and near-duplicate questions."""
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


@dataclass
class _Progress:
    """Reports how far a leaf is: its row of the table, and its samples as units of the run.

    Attributes:
        wanted: number of the teacher's samples; more of them do not count.
    """

    leaf: str
    wanted: int
    show: Show
    advance: Advance
    began: float = field(default_factory=time.monotonic)
    samples: int = 0
    tokens: int = 0
    asked: int = 0

    def report(self, made: _Made) -> None:
        """Report the batches since the last call; those of the store say nothing of the teacher's speed."""
        self.show(self.leaf, _row(made, self.wanted, time.monotonic() - self.began))
        new = min(len(made.samples), self.wanted) - self.samples
        fresh = made.asked > self.asked
        tokens = made.tokens - self.tokens if fresh else 0
        self.advance(new, tokens=tokens, leaf=self.leaf, reused=not fresh)
        self.samples, self.tokens, self.asked = self.samples + new, made.tokens, made.asked

    def end(self) -> None:
        """Report that the leaf has all the samples that it will have."""
        self.advance(self.wanted - self.samples, leaf=self.leaf, reused=True)


def generate_leaves(
    wanted: Sequence[SamplesInputs],
    open_engine: Callable[[], Engine],
    store: Store,
    *,
    limit: int | None = None,
) -> list[Generated]:
    """Return the samples of leaves; generate those that the store does not have.

    One listing of the store finds the missing leaves. The teacher's engine determines how many leaves are
    generated concurrently.

    Args:
        open_engine: opens the teacher's engine; called only if the store misses samples.
        limit: see `generate_leaf`.
    """
    keys = {one.leaf.path: one.key for one in wanted}
    stored = store.get_many(SamplesInputs.STEP, keys.values()) if limit is None else {}
    missing = [one for one in wanted if keys[one.leaf.path] not in stored]
    made = {path: _kept(path, stored[key]) for path, key in keys.items() if key in stored}
    if missing:
        made |= {one.leaf: one for one in _made_anew(missing, open_engine(), store, limit)}
    return [made[path] for path in keys]


def _made_anew(
    wanted: Sequence[SamplesInputs], teacher: Engine, store: Store, limit: int | None
) -> list[Generated]:
    pool = ThreadPoolExecutor(teacher.at_once)
    try:
        total = sum(_wanted(one, limit) for one in wanted)
        with (
            closing(teacher),
            live_table("leaf", COLUMNS) as show,
            counted(total, "samples", len(wanted)) as advance,
        ):

            def make(one: SamplesInputs) -> Generated:
                return generate_leaf(one, store, teacher, limit=limit, show=show, advance=advance)

            # A sequential engine works in this thread, where Ctrl-C interrupts it immediately.
            return [make(one) for one in wanted] if teacher.at_once == 1 else list(pool.map(make, wanted))
    finally:
        # The teacher is closed by now, so pending requests end.
        pool.shutdown(cancel_futures=True)


def _wanted(inputs: SamplesInputs, limit: int | None) -> int:
    """Return how many of the teacher's samples a leaf is to have."""
    return inputs.settings.samples if limit is None else min(limit, inputs.settings.samples)


def generate_leaf(
    inputs: SamplesInputs,
    store: Store,
    teacher: Engine | None,
    *,
    limit: int | None = None,
    show: Show = unseen,
    advance: Advance = uncounted,
) -> Generated:
    """Return the samples of a leaf; generate them if the store does not have them.

    Args:
        teacher: the engine that generates; with None, only samples in the store are returned.
        limit: stop after the batch that reaches this number of the teacher's samples; a later run without a
            limit continues from there.
        show: called with the leaf and its row of the progress table; see `COLUMNS`.
        advance: called with the number of new samples.
    """
    key = inputs.key
    entry = store.get(inputs.STEP, key) if limit is None else None
    if entry is not None:
        return _kept(inputs.leaf.path, entry)
    wanted, made = _wanted(inputs, limit), _Made(approved_in([inputs.leaf]))
    progress = _Progress(inputs.leaf.path, wanted, show, advance)
    with store.work(inputs.STEP, key):
        for _ in _rounds(inputs, store, teacher, made, wanted):
            progress.report(made)
        progress.end()
        generated = _generated(inputs, key, made)
        if limit is None and teacher is not None and not generated.failed:
            _keep(store, inputs, generated)
    if limit is None and teacher is not None and len(made.samples) < inputs.settings.samples:
        say(_shortfall(generated, inputs.settings.samples))
    return generated


def _rounds(
    inputs: SamplesInputs, store: Store, teacher: Engine | None, made: _Made, wanted: int
) -> Iterator[None]:
    """Add batches in order until there are enough samples; yield before each batch and at the end.

    If the engine is concurrent, as many batches are started as are likely to be needed. A surplus batch stays
    in the store for a later run that needs more samples.
    """
    numbered = enumerate(islice(batches_of(inputs.leaf, inputs.pipeline), inputs.settings.batches))

    def have(batch: tuple[int, list[Candidate]]) -> tuple[Mapping[str, Any], bool] | None:
        """Return a batch, and whether the store had it; None if it did not and there is no teacher."""
        wanted_batch = inputs.batch(batch[0])
        kept = store.get(BatchInputs.STEP, wanted_batch.key)
        if kept is not None:
            return kept.read_json("batch.json"), True
        return None if teacher is None else (_ask(wanted_batch, store, teacher, batch[1]), False)

    many = teacher is not None and teacher.at_once > 1
    under_way: deque[Callable[[], tuple[Mapping[str, Any], bool] | None]] = deque()
    pool = ThreadPoolExecutor(AHEAD)
    try:
        while len(made.samples) < wanted:
            yield
            more = (_due(made, wanted, inputs.pipeline) if many else 1) - len(under_way)
            for batch in islice(numbered, max(0, more)):
                # A single batch is made in this thread, where Ctrl-C interrupts it immediately.
                under_way.append(pool.submit(have, batch).result if many else partial(have, batch))
            found = under_way.popleft()() if under_way else None
            if found is None:
                break
            made.add(found[0], reused=found[1])
    finally:
        pool.shutdown(cancel_futures=True)
    yield


def _due(made: _Made, wanted: int, pipeline: Pipeline) -> int:
    """Return the expected number of batches still needed; the prior acceptance rate is one half."""
    tried = len(made.samples) + len(made.drops)
    share = (len(made.samples) + 1) / (tried + 2)
    return min(AHEAD, math.ceil((wanted - len(made.samples)) / (share * pipeline.batch)))


def _keep(store: Store, inputs: SamplesInputs, generated: Generated) -> None:
    facts = {
        "samples": len(generated.samples),
        "funnel": asdict(generated.funnel),
        "batches": generated.asked + generated.reused,
    }
    files = {FILE: samples_to_bytes(generated.samples)}
    store.put(inputs.STEP, generated.key, inputs.values(), files, facts=facts)


def _kept(path: str, entry: Entry) -> Generated:
    funnel, batches = Funnel(**entry.facts["funnel"]), entry.facts["batches"]
    return Generated(path, entry.key, StoredSamples(entry), funnel, reused=batches)


def _row(made: _Made, wanted: int, seconds: float) -> tuple[str, ...]:
    """Return a leaf's row of the live table; see `COLUMNS`."""
    accepted = len(made.samples)
    dropped = Counter(drop.filter for drop in made.drops).most_common(3)
    left = (wanted - accepted) * seconds / accepted if accepted and made.asked else 0.0
    return (
        f"{accepted}/{wanted}" if accepted < wanted else f"{accepted}",
        f"{made.tokens / seconds:.0f}" if made.asked else "",
        ", ".join(f"{count} {name}" for name, count in dropped),
        f"{left:.0f} s" if accepted < wanted and left else "",
        "from the store" if made.reused and not made.asked else "",
    )


def _ask(inputs: BatchInputs, store: Store, teacher: Engine, candidates: list[Candidate]) -> dict[str, Any]:
    """Generate one batch; store it if no request failed."""
    batch = Batch(inputs.leaf, teacher, inputs.teacher["temperature"], inputs.prompts)
    samples = run_batch(batch, inputs.pipeline, candidates)
    result = {
        "samples": [sample.to_json() for sample in samples],
        "drops": [asdict(drop) for drop in batch.drops],
        "tokens": batch.tokens,
    }
    if not any(drop.filter == NO_ANSWER for drop in batch.drops):
        files = {"batch.json": canonical(result).encode()}
        store.put(inputs.STEP, inputs.key, {"leaf": inputs.leaf.path}, files)
    return result


def _generated(inputs: SamplesInputs, key: str, made: _Made) -> Generated:
    examples: dict[str, list[str]] = {}
    for drop in made.drops:
        examples.setdefault(drop.filter, []).append(f"{drop.question} ({drop.reason})")
    prompts = inputs.settings.prompts
    given = all_given(inputs.leaf, made.samples, inputs.settings.seed, made.approved, prompts)
    for line in given.foreign:
        examples.setdefault("language", []).append(line)
    dropped = Counter(drop.filter for drop in made.drops)
    notes = [*teacher_notes(dropped, len(made.samples)), ways_left_out(inputs.leaf, prompts)]
    funnel = Funnel(
        candidates=len(made.samples) + len(made.drops) + len(given.foreign),
        accepted=len(made.samples),
        dropped=dict(dropped + Counter({"language": len(given.foreign)})),
        examples={name: lines[:EXAMPLES] for name, lines in examples.items()},
        given=dict(Counter(sample.kind for sample in given.samples)),
        refused=len(given.refusals),
        refusals=given.refusals[:EXAMPLES],
        notes=[note for note in notes if note],
    )
    # Failed requests do not matter if there are enough samples anyway.
    short = len(made.samples) < inputs.settings.samples
    lost = [drop.reason for drop in made.drops if drop.filter == NO_ANSWER] if short else []
    return Generated(
        *(
            inputs.leaf.path,
            key,
            (*made.samples, *given.samples),
            funnel,
            made.asked,
            made.reused,
            made.tokens,
        ),
        failed=len(lost),
        failure=lost[0] if lost else "",
    )


def check_complete(generated: Sequence[Generated]) -> None:
    """Check that the teacher answered all necessary requests.

    Raises:
        UserError: requests failed, and samples are missing. The next run generates only these.
    """
    lost = [made for made in generated if made.failed]
    if lost:
        count = sum(made.failed for made in lost)
        raise UserError(
            f"{count} requests failed, in {', '.join(made.leaf for made in lost[:5])}: {lost[0].failure}; "
            "the other answers are in the store, run again to generate the missing samples"
        )


def _shortfall(generated: Generated, wanted: int) -> str:
    funnel = generated.funnel
    lines = [
        f"{generated.leaf}: {funnel.accepted} of {wanted} samples accepted, {funnel.candidates} candidates"
    ]
    for name, count in sorted(funnel.dropped.items(), key=lambda item: -item[1]):
        examples = "; ".join(json.dumps(line[:160], ensure_ascii=False) for line in funnel.examples[name])
        lines.append(f"  {name} dropped {count} (each {takes(name)}): {examples}")
    return "\n".join(lines)
