"""Blocks of the pipeline family `full`, for capable teachers: views, questions, tasks, answers and judges.

A model learns a fact from many different texts about it (EntiGraph, arXiv 2409.07431; LAB, arXiv 2403.01081),
so each passage is presented in several views, with several kinds of questions. Answers and judges always use
the original passage of the document, never a view of it.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from bot.generate.blocks import block, start
from bot.generate.candidates import Batch, Candidate
from bot.generate.chunks import chunks
from bot.generate.parse_answers import VERDICT_SCHEMA, items_schema, read_items, read_verdict
from bot.generate.pipeline_files import Pipeline
from bot.inference.engine import Request
from bot.taxonomy.documents import markdown_of
from bot.taxonomy.leaf import Leaf

ROUNDS = 8
SHOWN = 3
LONGEST_VIEW, LONGEST_LIST, LONGEST_ANSWER, LONGEST_VERDICT = 700, 700, 500, 200
JUDGES = {"faithful": "unfaithful", "relevant": "irrelevant", "answers": "beside the point"}
"""The name of each judge, and of the filter that is reported for its drops."""


@start("passages")
def _passages(leaf: Leaf, pipeline: Pipeline) -> Iterator[Candidate]:
    """Yield each passage of the documents, or each seed's context if there are none, in ROUNDS rounds."""
    passages = [
        (f"{document.name}#{number}", passage)
        for document in leaf.documents
        for number, passage in enumerate(chunks(markdown_of(document), pipeline.chunk, pipeline.model), 1)
    ]
    passages = passages or [(f"seed {n}", seed.context or "") for n, seed in enumerate(leaf.seeds, 1)]
    for turn in range(ROUNDS):
        for source, passage in passages:
            yield Candidate(f"{source}, round {turn + 1}", "asked", passage=passage)


@start("rounds")
def _rounds(leaf: Leaf, pipeline: Pipeline) -> Iterator[Candidate]:
    """Yield candidates for lists of new tasks, each with another random draw of seeds."""
    for number in range(ROUNDS * pipeline.batch):
        yield Candidate(f"seeds, draw {number}", "new")


@block("view")
def _view(batch: Batch, candidates: list[Candidate], views: Sequence[str]) -> list[Candidate]:
    """Set each candidate's text to a view of its passage: as is, or rewritten; another view each round."""
    as_is: list[tuple[Candidate, str]] = []
    rewritten: list[tuple[Candidate, str]] = []
    for candidate in candidates:
        view = views[_turn(candidate) % len(views)]
        (as_is if view == "passage" else rewritten).append((candidate, view))
    requests = [
        Request(batch.turns(f"view_{view}", passage=one.passage), LONGEST_VIEW, 0.0, one_line=False)
        for one, view in rewritten
    ]
    unchanged = [replace(one, text=one.passage or "") for one, _ in as_is]
    answered = batch.ask([one for one, _ in rewritten], requests)
    return unchanged + [replace(one, text=response.text) for one, response in answered]


@block("questions")
def _questions(batch: Batch, candidates: list[Candidate], options: Any) -> list[Candidate]:
    """Have several questions written about each view; their kinds, from the options, vary by round."""
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
    """Have several new tasks written, each time with another random draw of seeds as examples."""
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
    """Have a new context written for each candidate of a grounded skill; the task is that of a seed."""
    made, requests = [], []
    for candidate in candidates:
        seeds = _seeds(batch, candidate.source)
        made.append(replace(candidate, question=seeds[0]["question"]))
        turns = batch.turns("context", description=batch.leaf.description, seeds=seeds)
        requests.append(Request(turns, LONGEST_VIEW, batch.temperature, one_line=False))
    return [
        replace(one, passage=response.text, finished=response.finished)
        for one, response in batch.ask(made, requests)
    ]


@block("answer")
def _answer(batch: Batch, candidates: list[Candidate], times: int) -> list[Candidate]:
    """Have each question answered `times` times, from its passage if any, with other examples each time."""
    for time in range(times):
        requests = [
            Request(
                batch.turns(
                    "answer_from" if one.passage else "respond",
                    _seeds(batch, f"{one.source} {time}"),
                    passage=one.passage or "",
                    question=one.question,
                ),
                batch.shape.tokens(LONGEST_ANSWER),
                0.0,
                one_line=False,
            )
            for one in candidates
        ]
        candidates = [
            replace(
                one,
                finished=one.finished and response.finished,
                answers=(*one.answers, response.text),
                answer=response.text,
            )
            for one, response in batch.ask(candidates, requests)
        ]
    return candidates


@block("judge")
def _judge(batch: Batch, candidates: list[Candidate], judges: Sequence[str]) -> list[Candidate]:
    """Ask the teacher to judge each candidate, with one prompt per judge; drop what a judge rejects."""
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
                batch.drop(candidate, filter_, f"the judge's reason: {reason}")
        candidates = kept
    return candidates


def _list_request(turns: tuple[tuple[str, str], ...], count: int, batch: Batch) -> Request:
    return Request(turns, LONGEST_LIST, batch.temperature, one_line=False, schema=items_schema(count))


def _each_item(
    batch: Batch, candidates: Sequence[Candidate], requests: Sequence[Request], count: int
) -> list[Candidate]:
    """Request lists and return a candidate for each item; candidates whose list is unreadable are dropped."""
    made = []
    for candidate, response in batch.ask(candidates, requests):
        items = read_items(response.text)[:count]
        if not items:
            batch.drop(
                replace(candidate, text=response.text[:200]), "unreadable", "the answer contains no list"
            )
        made += [replace(candidate, question=item) for item in items]
    return made


def _turn(candidate: Candidate) -> int:
    """Return a candidate's round, plus an offset by passage so that each round covers all kinds."""
    passage, _, number = candidate.source.rpartition(", round ")
    return int(number) + random.Random(passage).randrange(100)  # noqa: S311 variety, not a secret


def _seeds(batch: Batch, draw: str) -> list[dict[str, str]]:
    """Return SHOWN random seed examples.

    Args:
        draw: seed of the random draw.
    """
    pairs = random.Random(draw).sample(batch.pairs, min(SHOWN, len(batch.pairs)))  # noqa: S311
    return [{"question": p.question, "answer": p.answer, "passage": s.context or ""} for s, p in pairs]


def _examples(batch: Batch, draw: str) -> list[dict[str, Any]]:
    """Return a random seed's context with its questions, as an example of questions about a passage."""
    seeds = [seed for seed in batch.leaf.seeds if seed.context]
    chosen = random.Random(draw).sample(seeds, min(1, len(seeds)))  # noqa: S311
    return [{"text": seed.context, "items": [pair.question for pair in seed.pairs]} for seed in chosen]
