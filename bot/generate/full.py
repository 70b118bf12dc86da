"""Samples from an able teacher: views of passages, questions of many kinds, new tasks, and judges.

A fact is learnt when it is met in many kinds of text (EntiGraph, arXiv 2409.07431; LAB, arXiv 2403.01081),
so each passage is seen in several views, and asked about in several ways. Answers are from the passage as
it stands in the document, never from a view of it, and judges see the document's passage, too.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from bot.generate.blocks import block, start
from bot.generate.candidates import Batch, Candidate
from bot.generate.chunks import chunks
from bot.generate.parsing import VERDICT_SCHEMA, items_schema, read_items, read_verdict
from bot.generate.pipeline import Pipeline
from bot.taxonomy.leaf import Leaf
from bot.teachers import Request

ROUNDS = 8
SHOWN = 3
LONGEST_VIEW, LONGEST_LIST, LONGEST_ANSWER, LONGEST_VERDICT = 700, 700, 500, 200
JUDGES = {"faithful": "unfaithful", "relevant": "irrelevant", "answers": "beside the point"}
"""What each judge asks, and the name of what it takes."""


@start("passages")
def _passages(leaf: Leaf, pipeline: Pipeline) -> Iterator[Candidate]:
    """Each passage of the documents, or each context where there is none; then all of them once more."""
    passages = [
        (f"{document.name}#{number}", passage)
        for document in leaf.documents
        for number, passage in enumerate(chunks(document.text, pipeline.chunk, pipeline.model), 1)
    ]
    passages = passages or [(f"seed {n}", seed.context or "") for n, seed in enumerate(leaf.seeds, 1)]
    for turn in range(ROUNDS):
        for source, passage in passages:
            yield Candidate(f"{source}, round {turn + 1}", "asked", passage=passage)


@start("rounds")
def _rounds(leaf: Leaf, pipeline: Pipeline) -> Iterator[Candidate]:
    """Lists of new tasks, each of its own draw of seeds."""
    for number in range(ROUNDS * pipeline.batch):
        yield Candidate(f"seeds, draw {number}", "new")


@block("view")
def _view(batch: Batch, candidates: list[Candidate], views: Sequence[str]) -> list[Candidate]:
    """The passage as is, or told in another way; another one each round."""
    as_is: list[tuple[Candidate, str]] = []
    told: list[tuple[Candidate, str]] = []
    for candidate in candidates:
        view = views[_turn(candidate) % len(views)]
        (as_is if view == "passage" else told).append((candidate, view))
    requests = [
        Request(batch.turns(f"view_{view}", passage=one.passage), LONGEST_VIEW, 0.0, one_line=False)
        for one, view in told
    ]
    seen = [replace(one, text=one.passage or "") for one, _ in as_is]
    answered = batch.ask([one for one, _ in told], requests)
    return seen + [replace(one, text=said.text) for one, said in answered]


@block("questions")
def _questions(batch: Batch, candidates: list[Candidate], options: Any) -> list[Candidate]:
    """Several questions about each view, of the kinds that the pipeline names, other ones each round."""
    kinds, count = options["kinds"], options["each"]
    requests, examples = [], _examples(batch, candidates[0].source)
    for candidate in candidates:
        first = _turn(candidate) * count
        wanted = [kinds[(first + n) % len(kinds)] for n in range(count)]
        turns = batch.turns("questions", examples, text=candidate.text, kinds=wanted, count=count)
        requests.append(_list_request(turns, count, batch))
    return _each_item(batch, candidates, requests, count)


@block("tasks")
def _tasks(batch: Batch, candidates: list[Candidate], count: int) -> list[Candidate]:
    """Several new tasks like the seeds', each time like others of them."""
    requests = [
        _list_request(
            batch.turns(
                "tasks", description=batch.leaf.description, seeds=_seeds(batch, one.source), count=count
            ),
            count,
            batch,
        )
        for one in candidates
    ]
    return _each_item(batch, candidates, requests, count)


@block("contexts")
def _contexts(batch: Batch, candidates: list[Candidate], _: Any) -> list[Candidate]:
    """A new context each for a grounded skill, with the task of one of the seeds."""
    made, requests = [], []
    for candidate in candidates:
        seeds = _seeds(batch, candidate.source)
        made.append(replace(candidate, question=seeds[0]["question"]))
        turns = batch.turns("context", description=batch.leaf.description, seeds=seeds)
        requests.append(Request(turns, LONGEST_VIEW, batch.temperature, one_line=False))
    return [
        replace(one, passage=said.text, finished=said.finished) for one, said in batch.ask(made, requests)
    ]


@block("answer")
def _answer(batch: Batch, candidates: list[Candidate], times: int) -> list[Candidate]:
    """Answers, from the document's own passage where there is one; each time with other examples."""
    for time in range(times):
        requests = [
            Request(
                batch.turns(
                    "answer_from" if one.passage else "respond",
                    _seeds(batch, f"{one.source} {time}"),
                    passage=one.passage or "",
                    question=one.question,
                ),
                LONGEST_ANSWER,
                0.0,
                one_line=False,
            )
            for one in candidates
        ]
        candidates = [
            replace(
                one,
                finished=one.finished and said.finished,
                answers=(*one.answers, said.text),
                answer=said.text,
            )
            for one, said in batch.ask(candidates, requests)
        ]
    return candidates


@block("judge")
def _judge(batch: Batch, candidates: list[Candidate], judges: Sequence[str]) -> list[Candidate]:
    """Keep what the teacher, asked anew as a judge, finds good; one judge after the other."""
    for judge in judges:
        requests = [
            Request(
                batch.turns(
                    f"judge_{judge}",
                    description=batch.leaf.description,
                    passage=one.passage or "",
                    question=one.question,
                    answer=one.answer,
                ),
                LONGEST_VERDICT,
                0.0,
                one_line=False,
                schema=VERDICT_SCHEMA,
            )
            for one in candidates
        ]
        kept = []
        for candidate, response in batch.ask(candidates, requests):
            good, reason = read_verdict(response.text)
            if good:
                kept.append(candidate)
            else:
                filter_ = "unreadable" if good is None else JUDGES[judge]
                batch.drop(candidate, filter_, f"the judge says: {reason}")
        candidates = kept
    return candidates


def _list_request(turns: tuple[tuple[str, str], ...], count: int, batch: Batch) -> Request:
    return Request(turns, LONGEST_LIST, batch.temperature, one_line=False, schema=items_schema(count))


def _each_item(
    batch: Batch, candidates: Sequence[Candidate], requests: Sequence[Request], count: int
) -> list[Candidate]:
    """A candidate for each item of the lists that come; a list that cannot be read is one that is dropped."""
    made = []
    for candidate, response in batch.ask(candidates, requests):
        items = read_items(response.text)[:count]
        if not items:
            batch.drop(replace(candidate, text=response.text[:200]), "unreadable", "there is no list in it")
        made += [replace(candidate, question=item) for item in items]
    return made


def _turn(candidate: Candidate) -> int:
    """Its round. Each passage begins with another one, so that the first round has something of all."""
    passage, _, number = candidate.source.rpartition(", round ")
    return int(number) + random.Random(passage).randrange(100)  # noqa: S311 variety, not a secret


def _seeds(batch: Batch, draw: str) -> list[dict[str, str]]:
    """A few of the seeds' questions and answers, drawn anew for each request."""
    pairs = random.Random(draw).sample(batch.pairs, min(SHOWN, len(batch.pairs)))  # noqa: S311
    return [{"question": p.question, "answer": p.answer, "passage": s.context or ""} for s, p in pairs]


def _examples(batch: Batch, draw: str) -> list[dict[str, Any]]:
    """A seed's context with its questions, as an example of how a passage is asked about."""
    seeds = [seed for seed in batch.leaf.seeds if seed.context]
    chosen = random.Random(draw).sample(seeds, min(1, len(seeds)))  # noqa: S311
    return [{"text": seed.context, "items": [pair.question for pair in seed.pairs]} for seed in chosen]
