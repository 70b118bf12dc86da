"""Run pipelines: the registries of starts and blocks, and the block `filter`, which all pipelines share.

A start creates a leaf's candidates. A block fills in more fields of the candidates or drops some of them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from bot.core.sample import Sample
from bot.generate.candidates import Batch, Candidate
from bot.generate.filters import first_drop
from bot.generate.pipeline_files import Pipeline
from bot.taxonomy.leaf import Leaf

Start = Callable[[Leaf, Pipeline], Iterable[Candidate]]
"""Creates all initial candidates of a leaf, in the order in which they are tried."""
Block = Callable[[Batch, list[Candidate], Any], list[Candidate]]
"""Processes the candidates of a batch, with the block's options from the pipeline file."""

STARTS: dict[str, Start] = {}
BLOCKS: dict[str, Block] = {}


def start(name: str) -> Callable[[Start], Start]:
    """Register a start under the name that pipeline files use."""

    def register(function: Start) -> Start:
        STARTS[name] = function
        return function

    return register


def block(name: str) -> Callable[[Block], Block]:
    """Register a block under the name that pipeline files use."""

    def register(function: Block) -> Block:
        BLOCKS[name] = function
        return function

    return register


def batches_of(leaf: Leaf, pipeline: Pipeline) -> Iterator[list[Candidate]]:
    """Yield a leaf's initial candidates in batches."""
    candidates = iter(STARTS[pipeline.start](leaf, pipeline))
    while batch := list(islice(candidates, pipeline.batch)):
        yield batch


def run_batch(batch: Batch, pipeline: Pipeline, candidates: list[Candidate]) -> list[Sample]:
    """Send candidates through a pipeline and return the resulting samples; the batch records drops."""
    samples = []
    for kind, blocks in pipeline.paths.items():
        left = [candidate for candidate in candidates if candidate.kind == kind]
        for name, options in blocks:
            if left:
                left = BLOCKS[name](batch, left, options)
        samples += [sample_of_candidate(batch, candidate) for candidate in left]
    return samples


def sample_of_candidate(batch: Batch, candidate: Candidate) -> Sample:
    """Convert an accepted candidate to a sample."""
    leaf, question = batch.leaf, candidate.question
    if leaf.grounded and candidate.passage:
        question = batch.prompts.grounded(candidate.passage, question)[0]
    messages = (("user", question), ("assistant", candidate.answer))
    return Sample(leaf.path, candidate.kind, messages, candidate.passage, candidate.source)


@block("filter")
def _filter(batch: Batch, candidates: list[Candidate], filters: Sequence[str]) -> list[Candidate]:
    """Drop the candidates that fail a filter, under the name of the first such filter."""
    kept = []
    for candidate in candidates:
        dropped = first_drop(candidate, batch, filters)
        if dropped is None:
            kept.append(candidate)
        else:
            batch.drop(candidate, *dropped)
    return kept
