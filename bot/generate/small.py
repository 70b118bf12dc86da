"""Samples from a weak teacher, which is asked for little.

It puts a question in other words, from a given beginning, or asks for what a sentence says. Answers are
never its own; they are the seeds' and the document's. A question in other words must keep the words that
carry it, and add none; one about a sentence is answered by the teacher from the passage, and stays only if
that comes to the sentence.
"""

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from bot.generate.blocks import block, start
from bot.generate.candidates import Batch, Candidate
from bot.generate.pipeline import Pipeline
from bot.generate.prompting import Turns
from bot.generate.text import WORD, key_words, names, paragraphs, sentences, subject_words, words
from bot.taxonomy.leaf import Leaf
from bot.teachers import Request

# How new questions begin; "" leaves it to the teacher. Round by round, each seed gets another one.
BEGINS = (
    "Can you tell me", "Name", "Tell me", "What", "Do you know", "Which", "", "I would like to know",
    "Please tell me", "Could you say", "I wonder", "Let me know",
)  # fmt: skip
# And how tasks that are no questions begin.
TASK_BEGINS = (
    "Please", "Can you", "I need you to", "Could you", "", "Now", "I would like you to", "Your task is to",
    "I want you to", "Could you please", "It is your turn to", "Today, please",
)  # fmt: skip
# Rounds of the seeds before the document is asked about.
FIRST = 2
# From here on two words are one name, spelt in two ways (difflib's ratio).
NEARLY = 0.6
LONGEST_QUESTION = 32
LONGEST_ANSWER = 16


@start("seeds")
def seeds_in_rounds(leaf: Leaf, pipeline: Pipeline) -> Iterator[Candidate]:
    """All seeds once, then once more with other beginnings, and so on."""
    subject = _subject(leaf)
    for turn in range(len(BEGINS)):
        yield from _of_seeds(leaf, subject, turn)


@start("seeds and sentences")
def _seeds_and_sentences(leaf: Leaf, pipeline: Pipeline) -> Iterator[Candidate]:
    """The seeds round by round, and between these the document's sentences."""
    subject = _subject(leaf)
    for turn in range(len(BEGINS)):
        yield from _of_seeds(leaf, subject, turn)
        if turn + 1 == FIRST:
            yield from _of_documents(leaf, subject)


def _subject(leaf: Leaf) -> set[str]:
    return subject_words(pair.question for seed in leaf.seeds for pair in seed.pairs)


def _of_seeds(leaf: Leaf, subject: set[str], turn: int) -> Iterator[Candidate]:
    place = turn
    for i, seed in enumerate(leaf.seeds, 1):
        for j, pair in enumerate(seed.pairs, 1):
            begins = BEGINS if pair.question.endswith("?") else TASK_BEGINS
            yield Candidate(
                source=f"seed {i}.{j}",
                kind="rephrased",
                text=pair.question,
                answer=pair.answer,
                passage=seed.context,
                # Another beginning for each pair, so that no batch is all of one kind.
                begin=begins[place % len(begins)],
                names=names(pair.question, subject),
            )
            place += 1


def _of_documents(leaf: Leaf, subject: set[str]) -> Iterator[Candidate]:
    for document in leaf.documents:
        for number, paragraph in enumerate(paragraphs(document.text), 1):
            for sentence in sentences(paragraph):
                # A question about a sentence must name one of its names.
                named = names(sentence, subject)[:1]
                if named:
                    source = f"{document.name}#{number}"
                    yield Candidate(
                        source, "asked", sentence, answer=sentence, passage=paragraph, names=named
                    )


@block("reword")
def _reword(batch: Batch, candidates: list[Candidate], _: Any) -> list[Candidate]:
    """A seed's question in other words; what is said before the question stays as it is."""
    parts = [sentences(candidate.text) for candidate in candidates]
    requests = [
        _request(batch, candidate, batch.turns("rephrase", question=said[-1]))
        for candidate, said in zip(candidates, parts, strict=True)
    ]
    before = {id(one): " ".join(said[:-1]) for one, said in zip(candidates, parts, strict=True)}
    return [
        replace(
            one,
            question=with_names(one, f"{before[id(one)]} {said.text}".strip()),
            finished=said.finished,
        )
        for one, said in batch.ask(candidates, requests)
    ]


@block("ask")
def _ask(batch: Batch, candidates: list[Candidate], _: Any) -> list[Candidate]:
    """A question about each sentence."""
    requests = [_request(batch, one, batch.turns("ask", sentence=one.text)) for one in candidates]
    return [
        replace(one, question=with_names(one, said.text), finished=said.finished)
        for one, said in batch.ask(candidates, requests)
    ]


def _request(batch: Batch, candidate: Candidate, turns: Turns) -> Request:
    # The beginnings are English; elsewhere the teacher finds its own.
    begin = candidate.begin if batch.language.code == "en" else ""
    return Request(turns, LONGEST_QUESTION, batch.temperature, begin=begin, names=candidate.names)


def with_names(candidate: Candidate, question: str) -> str:
    """A question in which a name that the teacher misspelt ("skarow") is spelt as it is ("skarrow").

    Names that a model has never met are what a leaf is about, and what a weak teacher cannot write.
    """
    source = {*words(candidate.text), *words(candidate.passage or candidate.answer)}
    for name in candidate.names:
        written = {word.casefold(): word for word in WORD.findall(question)}
        if name.casefold() not in written:
            unknown = [word for word in written if not set(words(word)) <= source]
            for near in get_close_matches(name.casefold(), unknown, 1, NEARLY):
                question = question.replace(written[near], name, 1)
    return question


@block("round trip")
def _round_trip(batch: Batch, candidates: list[Candidate], _: Any) -> list[Candidate]:
    """Answer each question from its passage; it stays if that is the answer which it is given."""
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
        wanted = key_words(candidate.question, candidate.answer)
        if 2 * len(wanted & set(words(response.text))) < len(wanted):
            batch.drop(candidate, "round trip", f"answered from the passage: {response.text}")
        else:
            kept.append(candidate)
    return kept
