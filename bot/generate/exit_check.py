"""The exit check: what must not be learnt, asked of every sample, whoever or whatever made it."""

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from pathlib import Path

from bot.generate.sample import Sample
from bot.safety import approvable, as_read, unsafe_text
from bot.taxonomy.leaf import Leaf
from bot.tokens import any_of, reserved_tokens

UNSAFE = "unsafe"
"""The filter's name where the exit check took a sample."""


def unsafe(sample: Sample, approved: Collection[str] = (), student: Path | None = None) -> str | None:
    """Why a sample must not be learnt; None if it may be. Never quotes what it found.

    Args:
        approved: see `approved_in`.
        student: the folder of the model that would learn it; its own tokens must not be spelt out.
    """
    reason = unsafe_text(_said(sample), approved)
    return spells_token(sample, student) if reason is None and student is not None else reason


def spells_token(sample: Sample, student: Path) -> str | None:
    """Why a sample must not be learnt, if it spells out a token of the student's own; else None."""
    text, spelt = _said(sample), _spelt_tokens(student)
    found = (spelt.search(text) or spelt.search(as_read(text))) if spelt else None
    return f"holds {found.group()}, a token of the student's own" if found else None


def approved_in(leaves: Iterable[Leaf]) -> frozenset[str]:
    """Personal data and instructions that stand in seed examples, as written: maintainers have read these."""
    texts = (
        text or ""
        for leaf in leaves
        for seed in leaf.seeds
        for text in (seed.context, *(part for pair in seed.pairs for part in (pair.question, pair.answer)))
    )
    return frozenset(match.group() for text in texts for _, match in approvable(text))


def _said(sample: Sample) -> str:
    return "\n".join(content for _, content in sample.messages)


@lru_cache(maxsize=4)
def _spelt_tokens(folder: Path) -> re.Pattern[str] | None:
    tokens = reserved_tokens(folder)
    return re.compile(any_of(tokens)) if tokens else None
