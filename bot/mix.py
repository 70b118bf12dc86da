"""The mixtures of the two phases: knowledge; then skills, with replay of what came before."""

import hashlib
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from rich.table import Table

from bot.generate.exit_check import approved_in, unsafe
from bot.generate.general import general_samples
from bot.generate.generated import Generated
from bot.generate.prompting import PASSAGES, framings
from bot.generate.rows import FILE, SampleWriter, StoredSamples
from bot.generate.sample import Sample
from bot.models import model_folder
from bot.progress import console, say
from bot.recipe import Recipe
from bot.sift import GENERAL, LeftOut, Sifted, read_ahead, sift
from bot.store import Store, canonical, key_of
from bot.taxonomy.leaf import Leaf
from bot.tokens import reserved_tokens

Phase = Literal["knowledge", "skills", "trial"]

VERSION = 8
# Kinds of samples of knowledge that ask a question, and answer it from their passage.
QUESTIONS = ("seed", "rephrased", "asked")
GOLDEN = 0.4
SHOWN = 50
"""Leaves, and pairs of leaves, that are printed."""
GENERAL_NAME = "general requests"


@dataclass(frozen=True)
class Mixture:
    """What one phase learns from.

    Attributes:
        samples: read from the store's Parquet file as they are asked for.
        table: leaf -> samples in the mixture; "" stands for general replay.
        content: the key of what is learnt, from whatever it was mixed: the same samples are not learnt again.
        left_out: leaf -> which of its samples are not in the mixture, and why; see `bot.sift`.
        unsafe: reason -> how many samples the exit check took.
    """

    phase: Phase
    key: str
    samples: Sequence[Sample]
    table: Mapping[str, int]
    content: str
    left_out: Mapping[str, LeftOut]
    unsafe: Mapping[str, int]

    @property
    def contaminated(self) -> int:
        """Samples left out because they come too near to an exam question."""
        return sum(told.contaminated() for told in self.left_out.values())


@dataclass(frozen=True)
class _Parts:
    """The samples that a phase is mixed of, none of them read yet."""

    own: tuple[Generated, ...]
    again: tuple[Generated, ...]
    general: tuple[Sample, ...]
    sifted: Sifted

    def read(self, parts: Sequence[Generated]) -> Iterator[Sample]:
        """The samples of leaves, without those that are left out."""
        for leaf, samples in read_ahead([(made.leaf, made.samples) for made in parts]):
            yield from self.sifted.kept(leaf, samples)

    def count(self, parts: Sequence[Generated]) -> int:
        """How many samples `read` gives."""
        return sum(len(made.samples) - len(self.sifted.dropped.get(made.leaf, ())) for made in parts)


def mix(
    phase: Phase, generated: Sequence[Generated], leaves: Sequence[Leaf], recipe: Recipe, store: Store
) -> Mixture:
    """The mixture of a phase; stored under its key.

    Args:
        generated: of all leaves, in any order.
    """
    student = model_folder(recipe.student.model)
    general = general_samples(recipe, store)
    sifted = sift(generated, general, leaves, store)
    inputs = {
        "phase": phase,
        # Of a trial's leaves there are as many samples as were asked for, under one key.
        "leaves": {made.leaf: [made.key, len(made.samples)] for made in generated},
        "left out": sifted.digest,
        "method": recipe.train.method,
        "replay": recipe.train.skills.replay,
        "retrieval": recipe.train.skills.retrieval,
        "general": [sample.id for sample in general],
        "tokens": sorted(reserved_tokens(student)),
        "seed": recipe.seed,
    }
    key = key_of("mixture", VERSION, inputs)
    parts = _parts(phase, generated, general, leaves, recipe, sifted)
    entry = store.get("mixture", key)
    if entry is None:
        with store.work("mixture", key) as work:
            exit_check = partial(unsafe, approved=approved_in(leaves), student=student)
            made = _write(work / "made", _chosen(phase, parts, recipe), exit_check)
            entry = store.put("mixture", key, inputs, folder=work / "made", facts=made)
    names = {GENERAL, *(made.leaf for made in parts.own)} if parts.own else set()
    left_out = {leaf: told for leaf, told in sifted.account.items() if leaf in names}
    facts = entry.facts
    samples = StoredSamples(entry)
    return Mixture(phase, key, samples, facts["table"], facts["content"], left_out, facts["unsafe"])


def _write(
    folder: Path, samples: Iterable[Sample], exit_check: Callable[[Sample], str | None]
) -> dict[str, Any]:
    """Write a mixture's file; returns the facts that its entry keeps.

    Args:
        exit_check: says why a sample must not be learnt, or None.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    table: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    digest = hashlib.sha256()
    with SampleWriter(folder / FILE) as writer:
        for sample in samples:
            reason = exit_check(sample)
            if reason is not None:
                refused[reason] += 1
                continue
            writer.add(sample)
            table[sample.leaf] += 1
            digest.update(canonical([sample.id, sample.kind, sample.context]).encode())
    content = key_of("samples of a mixture", VERSION, {"samples": digest.hexdigest()})
    return {
        "samples": table.total(),
        "table": dict(sorted(table.items())),
        "content": content,
        "unsafe": dict(refused),
    }


def show_mixtures(mixed: Sequence[Mixture]) -> None:
    """Print what goes into the phases, leaf by leaf, and what was left out."""
    table = Table("leaf", *(f"{mixture.phase} phase" for mixture in mixed))
    paths = sorted({path for mixture in mixed for path in mixture.table}, key=lambda path: (not path, path))
    for path in paths[: SHOWN + 1]:
        table.add_row(path or "general replay", *(str(mixture.table.get(path, "")) for mixture in mixed))
    if len(paths) > SHOWN + 1:
        rest = paths[SHOWN + 1 :]
        counts = (sum(mixture.table.get(path, 0) for path in rest) for mixture in mixed)
        table.add_row(f"{len(rest)} other leaves", *map(str, counts))
    table.add_section()
    table.add_row("samples", *(str(len(mixture.samples)) for mixture in mixed))
    table.add_row("left out, too near to an exam", *(str(mixture.contaminated) for mixture in mixed))
    for reason in sorted({reason for mixture in mixed for reason in mixture.unsafe}):
        table.add_row(f"left out, {reason}", *(str(mixture.unsafe.get(reason, 0)) for mixture in mixed))
    console.print(table)
    pairs = overlaps(mixed)
    for pair in pairs[:SHOWN]:
        say(pair.text)
    if len(pairs) > SHOWN:
        say(f"and {len(pairs) - SHOWN} more pairs of leaves that overlap")


@dataclass(frozen=True)
class Overlap:
    """What the authors of two leaves should know of each other."""

    leaf: str
    other: str
    text: str


def overlaps(mixed: Sequence[Mixture]) -> list[Overlap]:
    """Each pair of leaves of which one concerns the other's samples, and how."""
    told = {leaf: out for mixture in mixed for leaf, out in mixture.left_out.items()}
    return [
        Overlap(leaf, other, f"{leaf or GENERAL_NAME}: {count} {'sample' if count == 1 else 'samples'} {how}")
        for leaf, out in sorted(told.items(), key=lambda item: item[0])
        for cause, others in (
            ("left out: the exam of {} asks the same", out.exams),
            ("kept though the exam of {} asks the same: it would take over a tenth", out.kept),
            ("left out: {} has the same question and answer", out.twice),
            ("with another answer than in {}; both are kept", out.disputed),
        )
        for other, count in others.items()
        for how in [cause.format(other or GENERAL_NAME)]
    ]


def _parts(
    phase: Phase,
    generated: Sequence[Generated],
    general: tuple[Sample, ...],
    leaves: Sequence[Leaf],
    recipe: Recipe,
    sifted: Sifted,
) -> _Parts:
    """Which leaves a phase learns, and of which it learns something again."""
    kinds = {leaf.path: leaf.kind for leaf in leaves}
    all_ = tuple(sorted(generated, key=lambda made: made.leaf))
    knowledge = tuple(made for made in all_ if kinds[made.leaf] == "knowledge")
    skills = tuple(made for made in all_ if kinds[made.leaf] != "knowledge")
    kept = tuple(sifted.kept(GENERAL, general))
    if phase == "trial":
        return _Parts(all_, (), kept, sifted)
    if recipe.train.method == "stacked":
        return _Parts(all_ if phase == "knowledge" else (), (), kept, sifted)
    if phase == "knowledge":
        return _Parts(knowledge, (), kept, sifted)
    return _Parts(skills, knowledge, kept, sifted)


def _chosen(phase: Phase, parts: _Parts, recipe: Recipe) -> Iterator[Sample]:
    draw = random.Random(recipe.seed)  # noqa: S311 a choice, not a secret
    count = parts.count(parts.own)
    if not count:
        return
    yield from parts.read(parts.own)
    if phase == "trial":
        yield from draw.sample(parts.general, min(len(parts.general), count // 2))
        return
    if parts.again:
        yield from _again(parts, recipe, draw)
    yield from parts.general


def _again(parts: _Parts, recipe: Recipe, draw: random.Random) -> Iterator[Sample]:
    """Of knowledge: some samples as they are (replay), some questions with passages before them."""
    count = parts.count(parts.again)
    replayed = set(draw.sample(range(count), round(recipe.train.skills.replay * count)))
    asking, passages = 0, set[str]()
    if recipe.train.skills.retrieval:
        for sample in filter(_asks, parts.read(parts.again)):
            asking += 1
            passages.add(sample.context or "")
    searched = set(draw.sample(range(asking), round(recipe.train.skills.retrieval * asking)))
    if not replayed and not searched:
        return
    shelf, number = sorted(passages), 0
    for place, sample in enumerate(parts.read(parts.again)):
        if place in replayed:
            yield replace(sample, kind="replayed")
        if _asks(sample):
            if number in searched:
                yield _among_passages(sample, shelf, draw)
            number += 1


def _asks(sample: Sample) -> bool:
    """Whether a sample of knowledge asks a question that its passage answers."""
    return bool(sample.context) and sample.kind in QUESTIONS


def _among_passages(sample: Sample, passages: Sequence[str], draw: random.Random) -> Sample:
    """A question with passages before it, as retrieval gives them; sometimes without the right one.

    RAFT (arXiv 2403.10131) with LAB's figures: four passages, the right one among them by GOLDEN.
    """
    some = draw.sample(passages, min(PASSAGES + 1, len(passages)))
    shown = [passage for passage in some if passage != sample.context][:PASSAGES]
    if draw.random() < GOLDEN or not shown:
        shown = [*shown[: PASSAGES - 1], sample.context or ""]
        draw.shuffle(shown)
    *before, (role, question), answer = sample.messages
    asked = framings("grounded", passage="\n\n".join(shown), question=question)[0]
    return replace(sample, kind="retrieval", messages=(*before, (role, asked), answer))
