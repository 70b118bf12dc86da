"""Blocks of the pipeline family `small` for skills: new tasks and answers in the pattern of the seeds.

A weak teacher continues the common beginning of the seeds' tasks, and does each new task with the seeds as
few-shot examples. Filters then require that a new answer has the common form of all seed answers, and that
its other words are about its task or, for a grounded skill, in its context.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from bot.generate.blocks import block, start
from bot.generate.blocks_small import seeds_in_rounds
from bot.generate.candidates import Batch, Candidate
from bot.generate.pipeline_files import Pipeline
from bot.inference.engine import Request
from bot.taxonomy.leaf import QA, Leaf, Seed
from bot.text.analysis import common_start

# Number of seeds shown with each request; more did not help small teachers.
SHOWN = 5
LONGEST_TASK = 48
LONGEST_ANSWER = 48
ROUNDS = 6

Pair = tuple[Seed, QA]


@start("draws")
def _draws(leaf: Leaf, pipeline: Pipeline) -> Iterator[Candidate]:
    """Yield candidates for new tasks."""
    for number in range(ROUNDS * pipeline.batch):
        yield Candidate(f"seeds, draw {number}", "new")


@start("seeds and draws")
def _seeds_and_draws(leaf: Leaf, pipeline: Pipeline) -> Iterator[Candidate]:
    """Alternate between a batch of seeds to rephrase and a batch of candidates for new tasks."""
    seeds, draws = seeds_in_rounds(leaf, pipeline), _draws(leaf, pipeline)
    while True:
        both = [*islice(seeds, pipeline.batch), *islice(draws, pipeline.batch)]
        if not both:
            return
        yield from both


@block("another")
def _another(batch: Batch, candidates: list[Candidate], _: Any) -> list[Candidate]:
    """Have a new task written for each candidate: the context of a grounded skill, else the question."""
    examples = _examples(batch, candidates)
    grounded = batch.leaf.grounded
    given = [{"task": _task(grounded, pair)} for pair in examples]
    begin = "" if grounded else common_start([one["task"] for one in given])
    turns = batch.turns("another", given)
    one_line = not grounded and all("\n" not in one["task"].strip() for one in given)
    request = Request(turns, LONGEST_TASK, batch.temperature, begin=begin, one_line=one_line)
    made = []
    for candidate, response in batch.ask(candidates, [request] * len(candidates)):
        question, passage = (
            (examples[0][1].question, response.text) if grounded else (response.text, candidate.passage)
        )
        made.append(replace(candidate, question=question, passage=passage, finished=response.finished))
    return made


@block("do")
def _do(batch: Batch, candidates: list[Candidate], times: int) -> list[Candidate]:
    """Have the tasks done once or twice, with the seeds as examples; in reverse order the second time."""
    examples = _examples(batch, candidates)
    for order in [examples, examples[::-1]][:times]:
        done = [
            turn
            for pair in order
            for turn in (("user", _put(batch, *_parts(batch.leaf, pair))), ("assistant", pair[1].answer))
        ]
        begin = common_start([pair[1].answer for pair in order])
        requests = [
            Request(
                (*done, ("user", _put(batch, one.question, one.passage))),
                batch.shape.tokens(LONGEST_ANSWER),
                0.0,
                begin=begin,
                one_line=batch.shape.most_lines == 1,
            )
            for one in candidates
        ]
        candidates = [
            replace(one, finished=one.finished and response.finished, answers=(*one.answers, response.text))
            for one, response in batch.ask(candidates, requests)
        ]
    return [replace(one, answer=one.answers[0]) for one in candidates]


def _examples(batch: Batch, candidates: Sequence[Candidate]) -> list[Pair]:
    """Draw the seeds to show; the same for the whole batch, so that the teacher computes the prefix once."""
    draw = random.Random(candidates[0].source)  # noqa: S311 variety, not a secret
    return draw.sample(batch.pairs, min(SHOWN, len(batch.pairs)))


def _task(grounded: bool, pair: Pair) -> str:
    """Return the part of a task that varies: the context of a grounded skill, else the question."""
    seed, qa = pair
    return seed.context if grounded and seed.context else qa.question


def _parts(leaf: Leaf, pair: Pair) -> tuple[str, str | None]:
    seed, qa = pair
    return qa.question, seed.context if leaf.grounded else None


def _put(batch: Batch, question: str, passage: str | None) -> str:
    """Format a task as a user message; for a grounded skill, with its context."""
    if not batch.leaf.grounded or not passage:
        return question
    return batch.prompts.grounded(passage, question)[0]
