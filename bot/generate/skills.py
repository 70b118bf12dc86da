"""Skills from a weak teacher: new tasks after the pattern of the seeds, done after that pattern, too.

The teacher goes on with what the seeds' tasks have in common and does the task with the seeds before its
eyes. What all seed answers have in common is their form, and a new answer must have it; what it says beyond
that must be about its task, or for a grounded skill stand in its context.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from bot.generate.blocks import block, start
from bot.generate.candidates import Batch, Candidate
from bot.generate.pipeline import Pipeline
from bot.generate.prompting import framings
from bot.generate.small import seeds_in_rounds
from bot.generate.text import common_start
from bot.taxonomy.leaf import QA, Leaf, Seed
from bot.teachers import Request

# Seeds shown with each request; more is not better for a small teacher.
SHOWN = 5
LONGEST_TASK = 48
LONGEST_ANSWER = 48
ROUNDS = 6

Pair = tuple[Seed, QA]


@start("draws")
def _draws(leaf: Leaf, pipeline: Pipeline) -> Iterator[Candidate]:
    """New tasks, each of its own draw."""
    for number in range(ROUNDS * pipeline.batch):
        yield Candidate(f"seeds, draw {number}", "new")


@start("seeds and draws")
def _seeds_and_draws(leaf: Leaf, pipeline: Pipeline) -> Iterator[Candidate]:
    """The seeds in other words and new tasks by turns, a batch of each."""
    seeds, draws = seeds_in_rounds(leaf, pipeline), _draws(leaf, pipeline)
    while True:
        both = [*islice(seeds, pipeline.batch), *islice(draws, pipeline.batch)]
        if not both:
            return
        yield from both


@block("another")
def _another(batch: Batch, candidates: list[Candidate], _: Any) -> list[Candidate]:
    """A new task each: the context of a grounded skill, else the question."""
    examples = _examples(batch, candidates)
    grounded = batch.leaf.grounded
    given = [{"task": _task(grounded, pair)} for pair in examples]
    begin = "" if grounded else common_start([one["task"] for one in given])
    turns = batch.turns("another", given)
    request = Request(turns, LONGEST_TASK, batch.temperature, begin=begin, one_line=not grounded)
    made = []
    for candidate, response in batch.ask(candidates, [request] * len(candidates)):
        question, passage = (
            (examples[0][1].question, response.text) if grounded else (response.text, candidate.passage)
        )
        made.append(replace(candidate, question=question, passage=passage, finished=response.finished))
    return made


@block("do")
def _do(batch: Batch, candidates: list[Candidate], times: int) -> list[Candidate]:
    """Have the tasks done, with the seeds as examples; each time with these in another order."""
    examples = _examples(batch, candidates)
    for order in [examples, examples[::-1]][:times]:
        done = [
            turn
            for pair in order
            for turn in (("user", _put(batch.leaf, *_parts(batch.leaf, pair))), ("assistant", pair[1].answer))
        ]
        begin = common_start([pair[1].answer for pair in order])
        requests = [
            Request(
                (*done, ("user", _put(batch.leaf, one.question, one.passage))),
                LONGEST_ANSWER,
                0.0,
                begin=begin,
            )
            for one in candidates
        ]
        candidates = [
            replace(one, finished=one.finished and said.finished, answers=(*one.answers, said.text))
            for one, said in batch.ask(candidates, requests)
        ]
    return [replace(one, answer=one.answers[0]) for one in candidates]


def _examples(batch: Batch, candidates: Sequence[Candidate]) -> list[Pair]:
    """The same seeds for the whole batch, since the teacher reads once what its requests begin with."""
    draw = random.Random(candidates[0].source)  # noqa: S311 variety, not a secret
    return draw.sample(batch.pairs, min(SHOWN, len(batch.pairs)))


def _task(grounded: bool, pair: Pair) -> str:
    """What is new in each task."""
    seed, qa = pair
    return seed.context if grounded and seed.context else qa.question


def _parts(leaf: Leaf, pair: Pair) -> tuple[str, str | None]:
    seed, qa = pair
    return qa.question, seed.context if leaf.grounded else None


def _put(leaf: Leaf, question: str, passage: str | None) -> str:
    """A task as the user puts it."""
    if not leaf.grounded or not passage:
        return question
    return framings("grounded", passage=passage, question=question)[0]
