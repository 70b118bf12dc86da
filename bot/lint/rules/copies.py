"""The rule against near-copies of leaves; it finds them without comparing all pairs."""

import re
from collections import Counter, defaultdict
from zlib import crc32

from bot.lint.findings import Severity
from bot.lint.leaf_view import QNA, START
from bot.lint.rule import Example, Problems, tree_rule
from bot.taxonomy.files import Files, Unreadable
from bot.taxonomy.parse import MAX_BYTES
from bot.taxonomy.parsed import Problem
from bot.taxonomy.tree import leaves_of

_WORD = re.compile(rb"\w+")
SHINGLE = 5
"""Words per shingle (a run of consecutive words)."""
ONE_IN = 8
"""One shingle of this many is kept, chosen by its hash, so the same ones in every leaf (FracMinHash, arXiv
2203.06212)."""
FEWEST = 6
"""Minimum number of shared shingles for a near-copy."""
SAME = 0.6
"""Minimum share of shared shingles for a near-copy."""
READ_BYTES = 100_000
"""Bytes read per leaf: a copy starts with the same text, and reviewable leaves are shorter than this."""
COMMON = 50
"""A shingle in more leaves than this is boilerplate and does not count as shared."""


@tree_rule(
    "near-copy",
    Severity.WARNING,
    "A leaf should not be nearly the same as another.",
    "Content of two leaves gets twice the weight in training, and a copy adds no new content.",
    Example("", "knowledge/new/qna.yaml, knowledge/copy/qna.yaml (the same)", "knowledge/new/qna.yaml"),
)
def near_copy(files: Files) -> Problems:
    holders: defaultdict[int, list[str]] = defaultdict(list)
    sizes: dict[str, int] = {}
    for leaf in leaves_of(files):
        sketch = _sketch(files, f"{leaf}/{QNA}")
        sizes[leaf] = len(sketch)
        shared = Counter(
            other for shingle in sketch if len(holders[shingle]) < COMMON for other in holders[shingle]
        )
        for shingle in sketch:
            holders[shingle].append(leaf)
        for other, count in shared.most_common(1):
            if count >= FEWEST and count >= SAME * max(len(sketch), sizes[other]):
                message = f"{count / max(len(sketch), sizes[other]):.0%} of this leaf is also in {other}"
                hint = "change that leaf instead, or keep only the new content here"
                yield f"{leaf}/{QNA}", Problem("near-copy", START, message, hint, other=other)


def _sketch(files: Files, path: str) -> set[int]:
    """Return the hashes of a sample of the file's shingles; empty if the file cannot be read.

    Unlike Python's own hash, CRC-32 is the same in every process, and so are the findings.
    """
    try:
        words = _WORD.findall(files.read(path, MAX_BYTES)[:READ_BYTES].lower())
    except Unreadable:
        return set()  # the rule `unreadable` reports it
    runs = zip(*(words[start:] for start in range(SHINGLE)), strict=False)
    return {value for run in runs if not (value := crc32(b" ".join(run))) % ONE_IN}
