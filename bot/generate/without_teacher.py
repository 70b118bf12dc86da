"""Samples made without a teacher, from the text of a leaf's seeds and documents."""

import random
from collections.abc import Collection, Iterator, Sequence
from itertools import cycle, islice

from bot.core.sample import Sample
from bot.generate.exit_check import unsafe
from bot.generate.prompting import framings
from bot.generate.restate import restated
from bot.taxonomy.documents import markdown_of
from bot.taxonomy.leaf import Leaf
from bot.text.analysis import COMMON, WORD, paragraphs, sentences
from bot.text.reading import read

# Increment whenever the same leaf would get different samples.
VERSION = 5
# Number of framings of each seed question. Skills have few samples and need them; for knowledge they had no
# measurable effect, since the teacher rephrases its questions.
FRAMED = {"knowledge": 0, "compositional": 3, "foundational": 3}
EACH = 11
"""Target number of samples for each fact; keyword questions make up the difference."""


def all_given(
    leaf: Leaf, taught: Sequence[Sample], seed: int, approved: Collection[str]
) -> tuple[list[Sample], list[str]]:
    """Make all samples that need no teacher, and apply the exit check.

    Args:
        taught: the teacher's samples, whose questions are also turned into keyword questions.
        seed: seed of the random choices.
        approved: see `bot.generate.exit_check.approved_in`.

    Returns:
        The accepted samples, and the source and reason of each rejected one.
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
    """Make samples from the leaf's seeds and documents; deterministic for a given seed."""
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
            # Only one per passage: the student can already read, and passages make up most of the tokens.
            place = draw.randrange(len(seed.pairs))
            pair = seed.pairs[place]
            question = draw.choice(framings("grounded", passage=seed.context, question=pair.question))
            source = f"seed {number}.{place + 1}"
            yield Sample(leaf.path, "grounded", _talk(question, pair.answer), seed.context, source)


def _from_documents(leaf: Leaf) -> Iterator[Sample]:
    about = _title(leaf)
    for document in leaf.documents:
        for number, paragraph in enumerate(paragraphs(markdown_of(document)), 1):
            source = f"{document.name}#{number}"
            parts = sentences(paragraph)
            if len(parts) > 1:
                question = framings("recite", title=about, start=parts[0])[0]
                yield Sample(leaf.path, "recite", _talk(question, paragraph), paragraph, source)


def keyword_samples(leaf: Leaf, samples: Sequence[Sample], seed: int) -> list[Sample]:
    """Make samples whose questions are reduced to key words, like queries in a search box.

    A model that learns only from whole sentences depends on their wording. Keyword questions teach it to
    answer phrasings that are not in the samples. They also balance the number of samples per fact, since a
    teacher rephrases some questions often and others never.

    Args:
        samples: the leaf's other samples; only plain questions of knowledge leaves are used.
        seed: seed of the random choices.
    """
    draw = random.Random(f"{seed} {leaf.path} keywords")  # noqa: S311 variety, not a secret
    facts: dict[str, list[Sample]] = {}
    for sample in samples if leaf.kind == "knowledge" else ():
        if sample.kind in ("seed", "restated", "rephrased", "asked") and len(_carrying(sample)) > 1:
            facts.setdefault(sample.source, []).append(sample)
    return [line for asked in facts.values() for line in _keyword_lines(asked, draw)]


def _keyword_lines(asked: Sequence[Sample], draw: random.Random) -> list[Sample]:
    """Make the keyword questions of one fact: in the original order and, if there are too few, shuffled."""
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


def _title(leaf: Leaf) -> str:
    """Return a title for the leaf: the first heading of its documents, or its folder's name."""
    for document in leaf.documents:
        for block in read(markdown_of(document)):
            if block.kind == "heading":
                return block.text
    return leaf.path.rsplit("/", 1)[-1].replace("_", " ")
