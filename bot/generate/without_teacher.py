"""Samples made without a teacher, from the text of a leaf's seeds and documents."""

import random
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from bot.core.sample import Sample
from bot.generate.exit_check import unsafe
from bot.generate.leaf_language import language_of_leaf
from bot.generate.prompting import Prompts
from bot.generate.restate import restated
from bot.taxonomy.documents import markdown_of
from bot.taxonomy.leaf import QA, Leaf
from bot.text.analysis import WORD, paragraphs, sentences
from bot.text.detect import foreign
from bot.text.language import Language
from bot.text.read_markdown import read
from bot.text.words import normal

# Increment whenever the same leaf would get different samples.
VERSION = 6
# Number of framings of each seed question. Skills have few samples and need them; for knowledge they had no
# measurable effect, since the teacher rephrases its questions.
FRAMED = {"knowledge": 0, "compositional": 3, "foundational": 3}
EACH = 11
"""Target number of samples for each fact; keyword questions make up the difference."""


@dataclass(frozen=True)
class Given:
    """The samples that need no teacher.

    Attributes:
        samples: the accepted samples.
        refusals: the source and reason of each that the exit check rejected.
        foreign: the source and reason of each that is not in the leaf's language.
    """

    samples: Sequence[Sample]
    refusals: Sequence[str]
    foreign: Sequence[str]


def all_given(
    leaf: Leaf, taught: Sequence[Sample], seed: int, approved: Collection[str], prompts: Prompts
) -> Given:
    """Make all samples that need no teacher, and check their language and safety.

    Args:
        taught: the teacher's samples, whose questions are also turned into keyword questions.
        seed: seed of the random choices.
        approved: see `bot.generate.exit_check.approved_in`.
    """
    plain = given_samples(leaf, seed, prompts)
    kept, refusals, others = [], [], []
    for sample in (*plain, *keyword_samples(leaf, (*taught, *plain), seed)):
        name, reason = f"{sample.kind} of {sample.source}", unsafe(sample, approved)
        # The seeds are as their author wants them; a document may have passages in other languages.
        language = foreign(sample.messages[-1][1], _spoken(leaf)) if sample.kind == "recite" else ""
        if reason is not None:
            refusals.append(f"{name} ({reason})")
        elif language:
            others.append(f"{name} (in {language}, not {_spoken(leaf).name})")
        else:
            kept.append(sample)
    return Given(kept, refusals, others)


def ways_left_out(leaf: Leaf, prompts: Prompts) -> str:
    """Return which kinds of samples are not made in the leaf's language, and why; "" if all are made."""
    spoken, knowledge = _spoken(leaf), leaf.kind == "knowledge"
    missing = [] if spoken.data.get("framings") or prompts.has_own("question") or knowledge else ["framed"]
    if knowledge:
        missing += [] if spoken.data.get("recite") or prompts.has_own("recite") else ["recite"]
        missing += [] if spoken.data.get("restatement") or spoken.code == "en" else ["restated"]
        missing += [] if spoken.data.get("spaced") else ["keywords"]
    if not missing:
        return ""
    lacking = "has no data for them" if spoken.data else "has no file"
    named = f"the language {spoken.name}" if spoken.code else "the leaf's language, which is not known,"
    return f"No samples of the kinds {', '.join(missing)} were made, because {named} {lacking}."


def given_samples(leaf: Leaf, seed: int, prompts: Prompts | None = None) -> list[Sample]:
    """Make samples from the leaf's seeds and documents; deterministic for a given seed."""
    draw = random.Random(f"{seed} {leaf.path}")  # noqa: S311 variety, not a secret
    shipped = prompts or Prompts()
    made = list(_from_seeds(leaf, draw, shipped))
    if leaf.kind == "knowledge":
        made += _from_documents(leaf, shipped)
    return made


def _spoken(leaf: Leaf) -> Language:
    return language_of_leaf(leaf).asked


def _from_seeds(leaf: Leaf, draw: random.Random, prompts: Prompts) -> Iterator[Sample]:
    for number, seed in enumerate(leaf.seeds, 1):
        for place, pair in enumerate(seed.pairs, 1):
            source = pair.source(number, place)
            for kind, question in _asked(leaf, pair, seed.context, draw, prompts):
                yield Sample(leaf.path, kind, _talk(question, pair.answer), seed.context, source)
            other = (
                restated(pair.question, pair.answer, seed.context or "", _spoken(leaf))
                if leaf.kind == "knowledge"
                else None
            )
            if other:
                yield Sample(leaf.path, "restated", _talk(pair.question, other), seed.context, source)
        if leaf.kind == "knowledge" and seed.context:
            # Only one per passage: the student can already read, and passages make up most of the tokens.
            place = draw.randrange(len(seed.pairs))
            pair = seed.pairs[place]
            question = draw.choice(prompts.grounded(seed.context, pair.question))
            source = pair.source(number, place + 1)
            yield Sample(leaf.path, "grounded", _talk(question, pair.answer), seed.context, source)


def _asked(
    leaf: Leaf, pair: QA, context: str | None, draw: random.Random, prompts: Prompts
) -> Iterator[tuple[str, str]]:
    """Yield a seed's question as it is, and in framings that fit its answer, each with the sample's kind."""
    first, *ways = prompts.framed(pair.question, pair.answer, _spoken(leaf))
    for kind, way in (("seed", first), *(("framed", way) for way in _some(ways, FRAMED[leaf.kind], draw))):
        grounded = leaf.grounded and context
        yield kind, prompts.grounded(context or "", way)[0] if grounded else way


def _some(ways: Sequence[str], count: int, draw: random.Random) -> list[str]:
    return draw.sample(ways, min(count, len(ways)))


def _from_documents(leaf: Leaf, prompts: Prompts) -> Iterator[Sample]:
    about, spoken = _title(leaf), _spoken(leaf)
    for document in leaf.documents:
        for number, paragraph in enumerate(paragraphs(markdown_of(document)), 1):
            source = f"{document.name}#{number}"
            parts = sentences(paragraph, spoken)
            question = prompts.recite(about, parts[0], spoken) if len(parts) > 1 else None
            if question:
                yield Sample(leaf.path, "recite", _talk(question, paragraph), paragraph, source)


def keyword_samples(leaf: Leaf, samples: Sequence[Sample], seed: int) -> list[Sample]:
    """Make samples whose questions are reduced to key words, like queries in a search box.

    A model that learns only from whole sentences depends on their wording. Keyword questions teach it to
    answer phrasings that are not in the samples. They also balance the number of samples per fact, since a
    teacher rephrases some questions often and others never.

    Args:
        samples: the leaf's other samples; only plain questions of knowledge leaves are used. There are none
            in a language whose function words are not known, or that has no spaces between words.
        seed: seed of the random choices.
    """
    draw = random.Random(f"{seed} {leaf.path} keywords")  # noqa: S311 variety, not a secret
    facts: dict[str, list[Sample]] = {}
    spoken = _spoken(leaf)
    for sample in samples if leaf.kind == "knowledge" and spoken.data.get("spaced") else ():
        plain = sample.kind in ("seed", "restated", "rephrased", "asked")
        if plain and len(_carrying(sample, spoken)) > 1:
            facts.setdefault(sample.source, []).append(sample)
    return [line for asked in facts.values() for line in _keyword_lines(asked, draw, spoken)]


def _keyword_lines(asked: Sequence[Sample], draw: random.Random, spoken: Language) -> list[Sample]:
    """Make the keyword questions of one fact: in the original order and, if there are too few, shuffled."""
    own = [sample for sample in asked if sample.kind in ("seed", "restated")]
    others = [sample for sample in asked if sample not in own]
    draw.shuffle(others)
    plain = [_keywords(sample, _carrying(sample, spoken), draw) for sample in (*own, *others)]
    if not own:
        return plain
    lines = [*plain[: len(own)], *(_shuffled(sample, draw, spoken) for sample in own), *plain[len(own) :]]
    wanted = max(2 * len(own), EACH - len(asked))
    lines += [_shuffled(sample, draw, spoken) for sample in islice(cycle(asked), max(0, wanted - len(lines)))]
    return lines[:wanted]


def _carrying(sample: Sample, spoken: Language) -> list[str]:
    """Return the words of a sample's question, without function words."""
    found, little = WORD.findall(sample.messages[-2][1]), spoken.words("function_words")
    elided = [article for article in spoken.words("articles") if len(article) == 1]
    if elided:  # l'horloge
        found = [re.sub(rf"(?i)^(?:{'|'.join(elided)})['\u2019]", "", word) for word in found]
    return [word for word in found if normal(word) not in little]


def _shuffled(sample: Sample, draw: random.Random, spoken: Language) -> Sample:
    words = _carrying(sample, spoken)
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
