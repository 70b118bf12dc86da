"""Mixtures: the training samples of each phase, knowledge first, then skills with replay of knowledge."""

import hashlib
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from rich.table import Table

from bot.config.recipe import Recipe
from bot.core.progress import console, say, step
from bot.core.sample import Sample
from bot.core.step import RESULT, Inputs, make
from bot.core.store import Store, canonical, key_of
from bot.evaluate.retention import retention
from bot.generate.contrast import contrast_samples
from bot.generate.exit_check import approved_in, unsafe
from bot.generate.general_replay import general_samples
from bot.generate.leaf_samples import Generated
from bot.generate.prompting import PASSAGES, Prompts
from bot.generate.rows import FILE, SampleWriter, StoredSamples
from bot.inference.models import model_folder
from bot.pipeline.exclude import GENERAL, LeftOut, Sifted, read_ahead, sift
from bot.taxonomy.leaf import Leaf
from bot.text.tokens import reserved_tokens
from bot.train.phase import Phase

CONTENT_VERSION = 9
"""Incremented if the key of the same samples has to change."""
# Kinds of knowledge samples that answer a question from their passage.
QUESTIONS = ("seed", "rephrased", "asked")
GOLDEN = 0.4
"""The probability that a retrieval sample contains the passage with the answer."""
SHOWN = 50
"""Maximum number of leaves, and of pairs of leaves, that are printed."""
GENERAL_NAME = "general requests"


@dataclass(frozen=True)
class Mixture:
    """The samples that one phase is trained on.

    Attributes:
        samples: the samples, read lazily from the store's Parquet file.
        table: leaf -> number of its samples in the mixture; "" stands for general replay.
        content: hash of the samples, whatever inputs they come from; training depends on this key, so equal
            samples are not trained on again.
        left_out: leaf -> the samples left out of the mixture, and why; see `bot.pipeline.exclude`.
        unsafe: reason -> number of samples that the exit check removed.
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
        """Number of samples left out because they ask an exam question."""
        return sum(out.contaminated() for out in self.left_out.values())


Mixtures = tuple[Mixture, Mixture]
"""The mixtures of the knowledge phase and of the skills phase."""


@dataclass(frozen=True)
class _Parts:
    """The parts of a phase's mixture; their samples are read lazily.

    Attributes:
        own: the leaves that the phase trains on.
        again: the knowledge leaves that the skills phase repeats.
        general: the general requests.
        sifted: the samples to leave out.
    """

    own: tuple[Generated, ...]
    again: tuple[Generated, ...]
    general: tuple[Sample, ...]
    sifted: Sifted

    def read(self, parts: Sequence[Generated]) -> Iterator[Sample]:
        """Yield the samples of leaves, without those that are left out."""
        for leaf, samples in read_ahead([(made.leaf, made.samples) for made in parts]):
            yield from self.sifted.kept(leaf, samples)

    def count(self, parts: Sequence[Generated]) -> int:
        """Return the number of samples that `read` yields."""
        return sum(len(made.samples) - len(self.sifted.dropped.get(made.leaf, ())) for made in parts)


@dataclass(frozen=True)
class MixtureInputs(Inputs):
    """Everything that a mixture depends on.

    Attributes:
        leaves: leaf -> the key of its samples, and their number (a trial has only the first ones).
        left_out: the hash of the samples left out; see `bot.pipeline.exclude`.
        general: the IDs of the general requests.
        tokens: special tokens of the student's tokenizer, which no text may spell out.
    """

    STEP: ClassVar[str] = "mixture"
    VERSION: ClassVar[int] = 9

    phase: Phase
    leaves: Mapping[str, tuple[str, int]]
    left_out: str
    method: str
    replay: float
    retrieval: float
    general: Sequence[str]
    tokens: Sequence[str]
    seed: int


@step("mixing samples")
def mix(
    phase: Phase, generated: Sequence[Generated], leaves: Sequence[Leaf], recipe: Recipe, store: Store
) -> Mixture:
    """Return the mixture of a phase; create it if the store does not have it.

    Args:
        generated: the samples of all leaves, in any order.
    """
    train = recipe.train
    student = model_folder(recipe.student.model)
    general = _general(leaves, recipe, store)
    sifted = sift(generated, general, leaves, retention(recipe.evaluate.general), store)
    inputs = MixtureInputs(
        phase,
        {made.leaf: (made.key, len(made.samples)) for made in generated},
        sifted.digest,
        train.method,
        train.skills.replay,
        train.skills.retrieval,
        [sample.id for sample in general],
        sorted(reserved_tokens(student)),
        recipe.seed,
    )
    parts = _parts(inputs, generated, general, leaves, sifted)

    def write(work: Path) -> dict[str, Any]:
        exit_check = partial(unsafe, approved=approved_in(leaves), student=student)
        return _write(work / RESULT, _chosen(inputs, parts), exit_check)

    entry = make(inputs, store, write)
    names = {GENERAL, *(made.leaf for made in parts.own)} if parts.own else set()
    left_out = {leaf: out for leaf, out in sifted.account.items() if leaf in names}
    facts = entry.facts
    samples = StoredSamples(entry)
    return Mixture(phase, entry.key, samples, facts["table"], facts["content"], left_out, facts["unsafe"])


@step("general requests answered by the base")
def _general(leaves: Sequence[Leaf], recipe: Recipe, store: Store) -> tuple[Sample, ...]:
    """Return what the student is to answer as before: general requests and contrast questions."""
    general, student, batch = recipe.train.general, recipe.student.model, recipe.evaluate.batch
    if not general.samples:
        return ()
    shipped = general_samples(general, student, recipe.seed, store, batch=batch)
    return (*shipped, *contrast_samples(leaves, student, store, batch=batch))


def mixtures(
    generated: Sequence[Generated], leaves: Sequence[Leaf], recipe: Recipe, store: Store
) -> Mixtures:
    """Return the mixtures of the two phases."""
    return (
        mix("knowledge", generated, leaves, recipe, store),
        mix("skills", generated, leaves, recipe, store),
    )


def _write(
    folder: Path, samples: Iterable[Sample], exit_check: Callable[[Sample], str | None]
) -> dict[str, Any]:
    """Write a mixture's file, and return the facts for its entry.

    Args:
        exit_check: returns why a sample must not be used for training, or None.
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
    content = key_of("samples of a mixture", CONTENT_VERSION, {"samples": digest.hexdigest()})
    return {
        "samples": table.total(),
        "table": dict(sorted(table.items())),
        "content": content,
        "unsafe": dict(refused),
    }


def show_mixtures(mixed: Sequence[Mixture]) -> None:
    """Print the number of samples per leaf and phase, the samples left out, and overlaps between leaves."""
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
    table.add_row("left out, asked in an exam", *(str(mixture.contaminated) for mixture in mixed))
    for reason in sorted({reason for mixture in mixed for reason in mixture.unsafe}):
        table.add_row(f"left out, {reason}", *(str(mixture.unsafe.get(reason, 0)) for mixture in mixed))
    console.print(table)
    pairs = overlaps(mixed)
    for pair in pairs[:SHOWN]:
        say(pair.text)
    if len(pairs) > SHOWN:
        say(f"{len(pairs) - SHOWN} more pairs of leaves overlap")


@dataclass(frozen=True)
class Overlap:
    """An overlap between two leaves, as a message to their authors."""

    leaf: str
    other: str
    text: str


def shared_exams(mixed: Sequence[Mixture]) -> set[str]:
    """Return the leaves whose exam questions are also asked by samples of other leaves in the mixtures."""
    return {owner for mixture in mixed for out in mixture.left_out.values() for owner in out.kept}


def overlaps(mixed: Sequence[Mixture]) -> list[Overlap]:
    """Return all overlaps: pairs of leaves where one affects the other's samples, or contradicts them."""
    accounts = {leaf: out for mixture in mixed for leaf, out in mixture.left_out.items()}
    return [
        Overlap(leaf, other, f"{leaf or GENERAL_NAME}: {count} {'sample' if count == 1 else 'samples'} {how}")
        for leaf, out in sorted(accounts.items(), key=lambda item: item[0])
        for cause, others in (
            ("left out, because the exam of {} asks the same", out.exams),
            (
                "kept although the exam of {} asks the same (other leaves' exams may remove a tenth at most)",
                out.kept,
            ),
            ("left out, because {} has the same question and answer", out.twice),
            ("with a different answer in {}; both are kept", out.disputed),
        )
        for other, count in others.items()
        for how in [cause.format(other or GENERAL_NAME)]
    ]


def _parts(
    inputs: MixtureInputs,
    generated: Sequence[Generated],
    general: tuple[Sample, ...],
    leaves: Sequence[Leaf],
    sifted: Sifted,
) -> _Parts:
    """Return the parts of a phase's mixture: the leaves to train on, and those to repeat."""
    kinds = {leaf.path: leaf.kind for leaf in leaves}
    all_ = tuple(sorted(generated, key=lambda made: made.leaf))
    knowledge = tuple(made for made in all_ if kinds[made.leaf] == "knowledge")
    skills = tuple(made for made in all_ if kinds[made.leaf] != "knowledge")
    kept = tuple(sifted.kept(GENERAL, general))
    phase = inputs.phase
    if phase == "trial":
        return _Parts(all_, (), kept, sifted)
    if inputs.method == "stacked":
        return _Parts(all_ if phase == "knowledge" else (), (), kept, sifted)
    if phase == "knowledge":
        return _Parts(knowledge, (), kept, sifted)
    return _Parts(skills, knowledge, kept, sifted)


def _chosen(inputs: MixtureInputs, parts: _Parts) -> Iterator[Sample]:
    draw = random.Random(inputs.seed)  # noqa: S311 a choice, not a secret
    count = parts.count(parts.own)
    if not count:
        return
    yield from parts.read(parts.own)
    if inputs.phase == "trial":
        yield from draw.sample(parts.general, min(len(parts.general), count // 2))
        return
    if parts.again:
        yield from _again(parts, inputs, draw)
    yield from parts.general


def _again(parts: _Parts, inputs: MixtureInputs, draw: random.Random) -> Iterator[Sample]:
    """Yield repeated knowledge samples: some unchanged (replay), some with retrieved passages."""
    count = parts.count(parts.again)
    replayed = set(draw.sample(range(count), round(inputs.replay * count)))
    asking, passages = 0, set[str]()
    if inputs.retrieval:
        for sample in filter(_asks, parts.read(parts.again)):
            asking += 1
            passages.add(sample.context or "")
    searched = set(draw.sample(range(asking), round(inputs.retrieval * asking)))
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
    """Return whether a knowledge sample asks a question that its passage answers."""
    return bool(sample.context) and sample.kind in QUESTIONS


def _among_passages(sample: Sample, passages: Sequence[str], draw: random.Random) -> Sample:
    """Return a sample with retrieved passages before the question, sometimes without the one that answers it.

    This is RAFT (arXiv 2403.10131) with LAB's parameters: PASSAGES passages, the right one with probability
    GOLDEN.
    """
    some = draw.sample(passages, min(PASSAGES + 1, len(passages)))
    shown = [passage for passage in some if passage != sample.context][:PASSAGES]
    if draw.random() < GOLDEN or not shown:
        shown = [*shown[: PASSAGES - 1], sample.context or ""]
        draw.shuffle(shown)
    *before, (role, question), answer = sample.messages
    asked = Prompts().grounded("\n\n".join(shown), question)[0]
    return replace(sample, kind="retrieval", messages=(*before, (role, asked), answer))
