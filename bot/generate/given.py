"""Samples that need no teacher: the seeds and the document themselves, put in several ways."""

import random
from collections.abc import Collection, Iterator, Sequence
from itertools import cycle, islice

from bot.generate.exit_check import unsafe
from bot.generate.prompting import framings
from bot.generate.restate import restated
from bot.generate.sample import Sample
from bot.generate.text import COMMON, WORD, paragraphs, sentences, title
from bot.taxonomy.leaf import Leaf

# Raised whenever the same leaf gives other samples.
VERSION = 4
# How often each is in the samples; diversity comes from the teacher, which puts questions in other words.
# Skills have few samples and need framings; for knowledge they taught nothing that was measurable.
FRAMED = {"knowledge": 0, "compositional": 3, "foundational": 3}
EACH = 11
"""Samples that each fact comes to; more where the teacher finds as many wordings."""


def all_given(
    leaf: Leaf, taught: Sequence[Sample], seed: int, approved: Collection[str]
) -> tuple[list[Sample], list[str]]:
    """Samples that need no teacher; and of those that the exit check took, the sources and reasons.

    Args:
        taught: the teacher's samples, of whose questions keywords are made, too.
        approved: see `bot.generate.exit_check`.
    """
    plain = given_samples(leaf, seed)
    kept, refusals = [], []
    for sample in (*plain, *keyword_samples(leaf, (*taught, *plain), seed)):
        reason = unsafe(sample, approved)
        if reason is None:
            kept.append(sample)
        else:
            refusals.append(f"{sample.kind} of {sample.source} ({reason})")
    return kept, refusals


def given_samples(leaf: Leaf, seed: int) -> list[Sample]:
    """All samples that the leaf's own text gives; drawn by the seed, the same each time."""
    draw = random.Random(f"{seed} {leaf.path}")  # noqa: S311 variety, not a secret
    made = list(_from_seeds(leaf, draw))
    if leaf.kind == "knowledge":
        made += _from_documents(leaf)
    return made


def _from_seeds(leaf: Leaf, draw: random.Random) -> Iterator[Sample]:
    for number, seed in enumerate(leaf.seeds, 1):
        for place, pair in enumerate(seed.pairs, 1):
            source = f"seed {number}.{place}"
            ways = framings("question", question=pair.question)
            asked = [ways[0], *draw.sample(ways[1:], FRAMED[leaf.kind])]
            if leaf.grounded and seed.context:
                asked = [framings("grounded", passage=seed.context, question=way)[0] for way in asked]
            for place_of_way, question in enumerate(asked):
                kind = "seed" if place_of_way == 0 else "framed"
                yield Sample(leaf.path, kind, _talk(question, pair.answer), seed.context, source)
            other = (
                restated(pair.question, pair.answer, seed.context or "") if leaf.kind == "knowledge" else None
            )
            if other:
                yield Sample(leaf.path, "restated", _talk(pair.question, other), seed.context, source)
        if leaf.kind == "knowledge" and seed.context:
            # Once a passage: reading is known to the student, and passages are most of the tokens.
            place = draw.randrange(len(seed.pairs))
            pair = seed.pairs[place]
            question = draw.choice(framings("grounded", passage=seed.context, question=pair.question))
            source = f"seed {number}.{place + 1}"
            yield Sample(leaf.path, "grounded", _talk(question, pair.answer), seed.context, source)


def _from_documents(leaf: Leaf) -> Iterator[Sample]:
    about = title(leaf)
    for document in leaf.documents:
        for number, paragraph in enumerate(paragraphs(document.text), 1):
            source = f"{document.name}#{number}"
            parts = sentences(paragraph)
            if len(parts) > 1:
                question = framings("recite", title=about, start=parts[0])[0]
                yield Sample(leaf.path, "recite", _talk(question, paragraph), paragraph, source)


def keyword_samples(leaf: Leaf, samples: Sequence[Sample], seed: int) -> list[Sample]:
    """Questions cut down to the words that carry them, as people type them into a search box.

    What is learnt from whole sentences is bound to their wording; here only what is asked about is left, so
    an answer is found from a phrasing that nobody wrote down. They also make even how often facts are met:
    a teacher finds many wordings of one question and none of another.

    Args:
        samples: the leaf's; those of knowledge that are plain questions are taken.
    """
    draw = random.Random(f"{seed} {leaf.path} keywords")  # noqa: S311 variety, not a secret
    facts: dict[str, list[Sample]] = {}
    for sample in samples if leaf.kind == "knowledge" else ():
        if sample.kind in ("seed", "restated", "rephrased", "asked") and len(_carrying(sample)) > 1:
            facts.setdefault(sample.source, []).append(sample)
    return [line for asked in facts.values() for line in _keyword_lines(asked, draw)]


def _keyword_lines(asked: Sequence[Sample], draw: random.Random) -> list[Sample]:
    """Of one fact's questions: the words in their order and, where there are few, shuffled."""
    own = [sample for sample in asked if sample.kind in ("seed", "restated")]
    others = [sample for sample in asked if sample not in own]
    draw.shuffle(others)
    plain = [_keywords(sample, _carrying(sample), draw) for sample in (*own, *others)]
    if not own:
        return plain
    lines = [*plain[: len(own)], *(_shuffled(sample, draw) for sample in own), *plain[len(own) :]]
    wanted = max(2 * len(own), EACH - len(asked))
    lines += [_shuffled(sample, draw) for sample in islice(cycle(asked), max(0, wanted - len(lines)))]
    return lines[:wanted]


def _carrying(sample: Sample) -> list[str]:
    question = sample.messages[-2][1]
    return [word for word in WORD.findall(question) if word.casefold() not in COMMON]


def _shuffled(sample: Sample, draw: random.Random) -> Sample:
    words = _carrying(sample)
    return _keywords(sample, draw.sample(words, len(words)), draw)


def _keywords(sample: Sample, words: Sequence[str], draw: random.Random) -> Sample:
    line = " ".join(words) + draw.choice(("", "?"))
    talk = _talk(line, sample.messages[-1][1])
    return Sample(sample.leaf, "keywords", talk, sample.context, sample.source)


def _talk(question: str, answer: str) -> tuple[tuple[str, str], ...]:
    return (("user", question), ("assistant", answer))
