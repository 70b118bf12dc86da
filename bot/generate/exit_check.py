"""The exit check: the safety check of every sample before training, whatever its origin."""

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from pathlib import Path

from bot.core.sample import Sample
from bot.taxonomy.leaf import Leaf
from bot.text.safety import approvable, as_read, unsafe_text
from bot.text.tokens import any_of, reserved_tokens

UNSAFE = "unsafe"
"""The reported filter if the exit check rejected a sample."""


def unsafe(sample: Sample, approved: Collection[str] = (), student: Path | None = None) -> str | None:
    """Return why a sample must not be used for training, or None if it may be.

    The reason never quotes secrets or personal data.

    Args:
        approved: see `approved_in`.
        student: folder of the model to train, to also reject samples that spell out its special tokens.
    """
    reason = unsafe_text(_text_of(sample), approved)
    return spells_token(sample, student) if reason is None and student is not None else reason


def spells_token(sample: Sample, student: Path) -> str | None:
    """Return why a sample must not be used, if it spells out a special token of the student; else None."""
    text, spelt = _text_of(sample), _spelt_tokens(student)
    found = (spelt.search(text) or spelt.search(as_read(text))) if spelt else None
    return f"contains {found.group()}, a special token of the student's tokenizer" if found else None


def approved_in(leaves: Iterable[Leaf]) -> frozenset[str]:
    """Return personal data and instructions in seed examples, verbatim; merging approved them."""
    texts = (
        text or ""
        for leaf in leaves
        for seed in leaf.seeds
        for text in (seed.context, *(part for pair in seed.pairs for part in (pair.question, pair.answer)))
    )
    return frozenset(match.group() for text in texts for _, match in approvable(text))


def _text_of(sample: Sample) -> str:
    return "\n".join(content for _, content in sample.messages)


@lru_cache(maxsize=4)
def _spelt_tokens(folder: Path) -> re.Pattern[str] | None:
    tokens = reserved_tokens(folder)
    return re.compile(any_of(tokens)) if tokens else None
