"""The generated samples of one leaf, with statistics of the teacher's candidates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.core.sample import Sample


@dataclass(frozen=True)
class Funnel:
    """Statistics of the teacher's candidates and of the samples made without a teacher.

    Attributes:
        candidates: number of candidates.
        accepted: number of candidates that became samples.
        dropped: filter -> number of candidates that it dropped.
        examples: filter -> up to three of them, with the reason.
        given: kind -> number of samples made from the leaf's own text, without a teacher.
        refused: number of samples without a teacher that the exit check rejected.
        refusals: up to three of them, with the reason.
        notes: what people should know, such as that the teacher's answers are cut; one sentence each.
    """

    candidates: int
    accepted: int
    dropped: Mapping[str, int]
    examples: Mapping[str, Sequence[str]]
    given: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0
    refusals: Sequence[str] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Generated:
    """The samples of one leaf, and statistics of the run.

    Attributes:
        leaf: path of the leaf.
        key: store key of the samples.
        samples: the teacher's samples, then those made without a teacher; read lazily from the store if the
            leaf was already there.
        asked: number of batches that the teacher generated in this run.
        reused: number of batches that were in the store.
        teacher_tokens: number of tokens that the teacher generated.
        failed: number of candidates without an answer because the teacher failed; another run retries them.
        failure: reason of the first failure.
    """

    leaf: str
    key: str
    samples: Sequence[Sample]
    funnel: Funnel
    asked: int = 0
    reused: int = 0
    teacher_tokens: int = 0
    failed: int = 0
    failure: str = ""
