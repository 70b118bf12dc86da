"""Pipelines: recipes of blocks, one for each kind of leaf, and the blocks that all of them may use.

A pipeline is a YAML file in pipelines/: where its candidates are from, how many go through together, and the
blocks that those of each kind go through. A block takes candidates and gives those that go on, each with more
filled in.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from bot.generate.candidates import Batch, Candidate
from bot.generate.filters import first_drop
from bot.generate.prompting import framings
from bot.generate.sample import Sample
from bot.taxonomy.leaf import Leaf

FOLDER = Path(__file__).parent / "pipelines"

Start = Callable[[Leaf, "Pipeline"], Iterable[Candidate]]
"""All candidates that a leaf can begin with, in the order in which they are tried."""
Block = Callable[[Batch, list[Candidate], Any], list[Candidate]]
"""What a block does with the candidates of a batch; last, what the pipeline says of it."""

STARTS: dict[str, Start] = {}
BLOCKS: dict[str, Block] = {}


@dataclass(frozen=True)
class Pipeline:
    """A pipeline as its file has it.

    Attributes:
        version: raised whenever it would make other samples of the same leaf.
        start: where its candidates are from; see `STARTS`.
        batch: how many go through it together, and are kept together.
        paths: the blocks that candidates of each kind go through: (name, what is said of it).
        chunk: tokens of a passage, at most, as the teacher counts them.
        model: the teacher, whose tokens are counted.
    """

    version: int
    start: str
    batch: int
    paths: Mapping[str, Sequence[tuple[str, Any]]]
    chunk: int = 0
    model: str = ""


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


def pipeline_of(leaf: Leaf, family: str, model: str) -> Pipeline:
    """The pipeline for a leaf.

    Args:
        family: `small` asks little of the teacher, `full` much.
    """
    kind = "knowledge" if leaf.kind == "knowledge" else "grounded" if leaf.grounded else leaf.kind
    name = {"compositional": "freeform"}.get(kind, kind)
    return replace(_read(FOLDER / family / f"{name}.yaml"), model=model)


@cache
def _read(file: Path) -> Pipeline:
    data: Mapping[str, Any] = yaml.safe_load(file.read_text())
    paths = {
        kind: [(one, None) if isinstance(one, str) else next(iter(one.items())) for one in blocks]
        for kind, blocks in data["paths"].items()
    }
    return Pipeline(**{**data, "paths": paths})


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
