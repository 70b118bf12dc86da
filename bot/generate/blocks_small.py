"""Blocks of the pipeline family `small`, for weak teachers.

The teacher only rephrases questions, with a prescribed beginning, or asks about a sentence. It does not write
answers; these come from the seeds and the document. Filters require that a rephrased question keeps the
meaningful words and adds none. A question about a sentence is kept only if the teacher, given the passage,
answers it with that sentence (block `round trip`).
"""

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from bot.generate.blocks import block, start
from bot.generate.candidates import Batch, Candidate
from bot.generate.leaf_language import language_of_leaf
from bot.generate.pipeline_files import Pipeline
from bot.generate.prompting import Turns
from bot.inference.engine import Request
from bot.taxonomy.documents import markdown_of
from bot.taxonomy.leaf import Leaf
from bot.text.analysis import ENGLISH, WORD, key_words, names, paragraphs, sentences, subject_words, words
from bot.text.language import Language

ROUNDS = 12
"""Number of rounds of the seeds, each with other beginnings where the leaf's language has some."""
# Number of rounds of the seeds before the questions about the document's sentences.
FIRST = 2
# Minimum similarity (difflib's ratio) of a name and a misspelling of it.
NEARLY = 0.6
LONGEST_QUESTION = 32
LONGEST_ANSWER = 16


@start("seeds")
def seeds_in_rounds(leaf: Leaf, pipeline: Pipeline) -> Iterator[Candidate]:
    """Yield all seeds in rounds, with other beginnings in each round."""
    subject = _subject(leaf)
    for turn in range(ROUNDS):
        yield from _of_seeds(leaf, subject, turn)


@start("seeds and sentences")
def _seeds_and_sentences(leaf: Leaf, pipeline: Pipeline) -> Iterator[Candidate]:
    """Yield the seeds in rounds, and the document's sentences after the first FIRST rounds."""
    subject = _subject(leaf)
    for turn in range(ROUNDS):
        yield from _of_seeds(leaf, subject, turn)
        if turn + 1 == FIRST:
            yield from _of_documents(leaf, subject)


def _subject(leaf: Leaf) -> set[str]:
    questions = (pair.question for seed in leaf.seeds for pair in seed.pairs)
    return subject_words(questions, language_of_leaf(leaf).asked)


def _of_seeds(leaf: Leaf, subject: set[str], turn: int) -> Iterator[Candidate]:
    place, spoken = turn, language_of_leaf(leaf).asked
    for i, seed in enumerate(leaf.seeds, 1):
        for j, pair in enumerate(seed.pairs, 1):
            kind = "begins" if pair.question.endswith("?") else "task_begins"
            begins = spoken.texts(kind) or ("",)
            yield Candidate(
                source=pair.source(i, j),
                kind="rephrased",
                text=pair.question,
                answer=pair.answer,
                passage=seed.context,
                # Another beginning for each pair, so that each batch is diverse.
                begin=begins[place % len(begins)],
                names=names(pair.question, subject),
            )
            place += 1


def _of_documents(leaf: Leaf, subject: set[str]) -> Iterator[Candidate]:
    spoken = language_of_leaf(leaf).asked
    for document in leaf.documents:
        for number, paragraph in enumerate(paragraphs(markdown_of(document)), 1):
            for sentence in sentences(paragraph, spoken):
                # A question about a sentence must name one of its names.
                named = names(sentence, subject)[:1]
                if named:
                    source = f"{document.name}#{number}"
                    yield Candidate(
                        source, "asked", sentence, answer=sentence, passage=paragraph, names=named
                    )


@block("reword")
def _reword(batch: Batch, candidates: list[Candidate], _: Any) -> list[Candidate]:
    """Have the last sentence of each seed's question rephrased; the sentences before it stay unchanged."""
    parts = [sentences(candidate.text, batch.language) for candidate in candidates]
    requests = [
        _request(batch, candidate, batch.turns("rephrase", question=part[-1]))
        for candidate, part in zip(candidates, parts, strict=True)
    ]
    before = {id(one): " ".join(part[:-1]) for one, part in zip(candidates, parts, strict=True)}
    return [
        replace(
            one,
            question=with_names(one, f"{before[id(one)]} {response.text}".strip(), batch.language),
            finished=response.finished,
        )
        for one, response in batch.ask(candidates, requests)
    ]


@block("ask")
def _ask(batch: Batch, candidates: list[Candidate], _: Any) -> list[Candidate]:
    """Have a question written about each sentence."""
    requests = [_request(batch, one, batch.turns("ask", sentence=one.text)) for one in candidates]
    return [
        replace(one, question=with_names(one, response.text, batch.language), finished=response.finished)
        for one, response in batch.ask(candidates, requests)
    ]


def _request(batch: Batch, candidate: Candidate, turns: Turns) -> Request:
    begin, named = candidate.begin, candidate.names
    return Request(turns, LONGEST_QUESTION, batch.temperature, begin=begin, names=named)


def with_names(candidate: Candidate, question: str, spoken: Language = ENGLISH) -> str:
    """Correct misspelled names in a question ("skarow" for "skarrow").

    Leaves are often about names that the teacher has never seen, and weak teachers misspell those.
    """
    source = {*words(candidate.text, spoken), *words(candidate.passage or candidate.answer, spoken)}
    for name in candidate.names:
        written = {word.casefold(): word for word in WORD.findall(question)}
        if name.casefold() not in written:
            unknown = [word for word in written if not set(words(word, spoken)) <= source]
            for near in get_close_matches(name.casefold(), unknown, 1, NEARLY):
                question = question.replace(written[near], name, 1)
    return question


@block("round trip")
def _round_trip(batch: Batch, candidates: list[Candidate], _: Any) -> list[Candidate]:
    """Have each question answered from its passage; drop it if the answer differs from the expected one."""
    requests = [
        Request(
            batch.turns("answer", passage=one.passage or one.answer, question=one.question),
            LONGEST_ANSWER,
            0.0,
        )
        for one in candidates
    ]
    kept = []
    for candidate, response in batch.ask(candidates, requests):
        wanted = key_words(candidate.question, candidate.answer, batch.language)
        if 2 * len(wanted & set(batch.words(response.text))) < len(wanted):
            batch.drop(candidate, "round trip", f"the answer from the passage is: {response.text}")
        else:
            kept.append(candidate)
    return kept
