"""Run a pipeline: the registries of its parts, and the blocks that all pipelines may use.

A block takes candidates and returns those that go on, each with more filled in.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from bot.generate.candidates import Batch, Candidate
from bot.generate.filters import first_drop
from bot.generate.pipeline import Pipeline
from bot.generate.prompting import framings
from bot.generate.sample import Sample
from bot.taxonomy.leaf import Leaf

Start = Callable[[Leaf, Pipeline], Iterable[Candidate]]
"""All candidates that a leaf can begin with, in the order in which they are tried."""
Block = Callable[[Batch, list[Candidate], Any], list[Candidate]]
"""What a block does with the candidates of a batch; last, what the pipeline says of it."""

STARTS: dict[str, Start] = {}
BLOCKS: dict[str, Block] = {}


def start(name: str) -> Callable[[Start], Start]:
    """Register where candidates are from."""

    def register(function: Start) -> Start:
        STARTS[name] = function
        return function

    return register


def block(name: str) -> Callable[[Block], Block]:
    """Register a block."""

    def register(function: Block) -> Block:
        BLOCKS[name] = function
        return function

    return register


def batches_of(leaf: Leaf, pipeline: Pipeline) -> Iterator[list[Candidate]]:
    """A leaf's candidates, batch by batch."""
    candidates = iter(STARTS[pipeline.start](leaf, pipeline))
    while batch := list(islice(candidates, pipeline.batch)):
        yield batch


def run_batch(batch: Batch, pipeline: Pipeline, candidates: list[Candidate]) -> list[Sample]:
    """Send candidates through a pipeline; the batch accounts for those that do not come out as samples."""
    samples = []
    for kind, blocks in pipeline.paths.items():
        left = [candidate for candidate in candidates if candidate.kind == kind]
        for name, options in blocks:
            if left:
                left = BLOCKS[name](batch, left, options)
        samples += [sample_of_candidate(batch.leaf, candidate) for candidate in left]
    return samples


def sample_of_candidate(leaf: Leaf, candidate: Candidate) -> Sample:
    """A candidate that came through as the conversation that is learnt."""
    question = candidate.question
    if leaf.grounded and candidate.passage:
        question = framings("grounded", passage=candidate.passage, question=question)[0]
    messages = (("user", question), ("assistant", candidate.answer))
    return Sample(leaf.path, candidate.kind, messages, candidate.passage, candidate.source)


@block("filter")
def _filter(batch: Batch, candidates: list[Candidate], filters: Sequence[str]) -> list[Candidate]:
    """Keep what no filter takes; the first that does is the one that is named."""
    kept = []
    for candidate in candidates:
        taken = first_drop(candidate, batch, filters)
        if taken is None:
            kept.append(candidate)
        else:
            batch.drop(candidate, *taken)
    return kept
