"""The mixtures of the two phases: knowledge; then skills, with replay of what came before."""

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rich.table import Table

from bot.evaluate.exams import exam_texts
from bot.evaluate.words import normal
from bot.generate.general import general_samples
from bot.generate.generated import Generated
from bot.generate.prompting import framings
from bot.generate.sample import Sample, sample_of
from bot.progress import console
from bot.recipe import Recipe
from bot.store import Store, canonical, key_of
from bot.taxonomy.leaf import Leaf

Phase = Literal["knowledge", "skills", "trial"]

VERSION = 6
# Two questions that share this much of their words are the same question.
SAME = 0.85
# Kinds of samples of knowledge that ask a question, and answer it from their passage.
QUESTIONS = ("seed", "rephrased", "asked")
PASSAGES = 4
GOLDEN = 0.4


@dataclass(frozen=True)
class Mixture:
    """What one phase learns from.

    Attributes:
        table: leaf -> samples in the mixture; "" stands for general replay.
        contaminated: samples left out because they come too near to an exam question.
    """

    phase: Phase
    key: str
    samples: tuple[Sample, ...]
    table: Mapping[str, int]
    contaminated: int

    @property
    def content(self) -> str:
        """The key of what is learnt, from whatever it was mixed: the same samples are not learnt again."""
        samples = [[sample.id, sample.kind, sample.context] for sample in self.samples]
        return key_of("samples of a mixture", VERSION, {"samples": samples})


def mix(
    phase: Phase, generated: Sequence[Generated], leaves: Sequence[Leaf], recipe: Recipe, store: Store
) -> Mixture:
    """The mixture of a phase; stored under its key.

    Args:
        generated: of all leaves, in any order.
    """
    inputs = {
        "phase": phase,
        "leaves": {made.leaf: made.key for made in generated},
        "exams": sorted(exam_texts(leaves)),
        "method": recipe.train.method,
        "replay": recipe.train.skills.replay,
        "retrieval": recipe.train.skills.retrieval,
        "general": [sample.id for sample in general_samples(recipe, store)],
        "seed": recipe.seed,
    }
    key = key_of("mixture", VERSION, inputs)
    entry = store.get("mixture", key)
    if entry is None:
        kept, dropped = _without_exams(_once(_chosen(phase, generated, leaves, recipe, store)), leaves)
        lines = "".join(canonical(sample.to_json()) + "\n" for sample in kept)
        files = {"samples.jsonl": lines.encode(), "contaminated.json": canonical(dropped).encode()}
        entry = store.put("mixture", key, inputs, files)
    samples = tuple(sample_of(json.loads(line)) for line in entry.read_text("samples.jsonl").splitlines())
    table = dict(sorted(Counter(sample.leaf for sample in samples).items()))
    return Mixture(phase, key, samples, table, len(entry.read_json("contaminated.json")))


def show_mixtures(mixed: Sequence[Mixture]) -> None:
    """Say what goes into the phases, leaf by leaf."""
    table = Table("leaf", *(f"{mixture.phase} phase" for mixture in mixed))
    for path in sorted(
        {path for mixture in mixed for path in mixture.table}, key=lambda path: (not path, path)
    ):
        table.add_row(path or "general replay", *(str(mixture.table.get(path, "")) for mixture in mixed))
    table.add_section()
    table.add_row("samples", *(str(len(mixture.samples)) for mixture in mixed))
    table.add_row("left out, too near to an exam", *(str(mixture.contaminated) for mixture in mixed))
    console.print(table)


def _chosen(
    phase: Phase, generated: Sequence[Generated], leaves: Sequence[Leaf], recipe: Recipe, store: Store
) -> list[Sample]:
    general = list(general_samples(recipe, store))
    draw = random.Random(recipe.seed)  # noqa: S311 a choice, not a secret
    if phase == "trial":
        tried = [sample for made in generated for sample in made.samples]
        return tried + draw.sample(general, min(len(general), len(tried) // 2))
    kinds = {leaf.path: leaf.kind for leaf in leaves}
    of = {made.leaf: made.samples for made in generated}
    knowledge = [s for path in sorted(of) if kinds[path] == "knowledge" for s in of[path]]
    skills = [s for path in sorted(of) if kinds[path] != "knowledge" for s in of[path]]
    if recipe.train.method == "stacked":
        own = knowledge + skills if phase == "knowledge" else []
    else:
        own = knowledge if phase == "knowledge" else skills
    if not own:
        return []
    if phase == "knowledge":
        return own + general
    again = draw.sample(knowledge, round(recipe.train.skills.replay * len(knowledge)))
    replayed = [replace(sample, kind="replayed") for sample in again]
    asked = [sample for sample in knowledge if sample.context and sample.kind in QUESTIONS]
    searched = draw.sample(asked, round(recipe.train.skills.retrieval * len(asked)))
    passages = sorted({sample.context for sample in asked if sample.context})
    return own + replayed + [_among_passages(s, passages, draw) for s in searched] + general


def _among_passages(sample: Sample, passages: Sequence[str], draw: random.Random) -> Sample:
    """A question with passages before it, as retrieval gives them; sometimes without the right one.

    RAFT (arXiv 2403.10131) with LAB's figures: four passages, the right one among them by GOLDEN.
    """
    others = [passage for passage in passages if passage != sample.context]
    shown = draw.sample(others, min(PASSAGES, len(others)))
    if draw.random() < GOLDEN or not shown:
        shown = [*shown[: PASSAGES - 1], sample.context or ""]
        draw.shuffle(shown)
    *before, (role, question), answer = sample.messages
    asked = framings("grounded", passage="\n\n".join(shown), question=question)[0]
    return replace(sample, kind="retrieval", messages=(*before, (role, asked), answer))


def _once(samples: Sequence[Sample]) -> list[Sample]:
    """Samples without those that another leaf has, too: the first by its path keeps the question."""
    asked: dict[str, str] = {}
    return [s for s in samples if asked.setdefault(normal(s.exchange()["question"]), s.leaf) == s.leaf]


def _without_exams(samples: Sequence[Sample], leaves: Sequence[Leaf]) -> tuple[list[Sample], list[str]]:
    """Samples whose question is no exam question, and the questions of the others."""
    exams = [(normal(text), frozenset(normal(text).split())) for text in exam_texts(leaves)]
    kept, dropped = [], []
    for sample in samples:
        question = sample.exchange()["question"]
        if any(_near(normal(question), text, words) for text, words in exams):
            dropped.append(question)
        else:
            kept.append(sample)
    return kept, dropped


def _near(question: str, exam: str, exam_words: frozenset[str]) -> bool:
    if exam in question:
        return True
    words = set(question.split())
    return len(words & exam_words) >= SAME * len(words | exam_words)
