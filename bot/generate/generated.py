"""The samples of one leaf, and what became of the teacher's candidates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.generate.sample import Sample


@dataclass(frozen=True)
class Funnel:
    """What became of the teacher's candidates.

    Attributes:
        dropped: filter -> how many it took.
        examples: filter -> up to three of these, with the reason.
        given: kind -> how many samples of it the leaf's own text gave, without a teacher.
        refused: how many of these the exit check took, and up to three of them, with the reason.
    """

    candidates: int
    accepted: int
    dropped: Mapping[str, int]
    examples: Mapping[str, Sequence[str]]
    given: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0
    refusals: Sequence[str] = ()


@dataclass(frozen=True)
class Generated:
    """The samples of one leaf, the teacher's before the given ones, and how they came about.

    Attributes:
        samples: those of a leaf that was in the store are read from there when they are asked for.
        reused: batches that were in the store; `asked` went to the teacher now.
        failed: candidates for which the teacher could not be had; another run asks for them again.
        failure: why, for the first of them.
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
