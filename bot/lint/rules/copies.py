"""Leaves that are nearly copies of each other, found without comparing all pairs."""

import re
from collections import Counter, defaultdict

from bot.lint.findings import Severity
from bot.lint.rules import Example, Problems, tree_rule
from bot.lint.view import QNA, START
from bot.taxonomy.files import Files, Unreadable
from bot.taxonomy.parse import MAX_BYTES
from bot.taxonomy.parsed import Problem
from bot.taxonomy.tree import leaves_of

_WORD = re.compile(rb"\w+")
SHINGLE = 5
# One shingle in so many stands for its text (FracMinHash, arXiv 2203.06212): the same ones in every leaf.
ONE_IN = 8
FEWEST = 6
SAME = 0.6
# A leaf that is a copy is one from its beginning on; what a person can review is shorter than this.
READ_BYTES = 100_000
# A shingle of more leaves than this is boilerplate; it says nothing of who copied from whom.
COMMON = 50


@tree_rule(
    "near-copy",
    Severity.WARNING,
    "No leaf is nearly the same as another.",
    "What two leaves teach is learnt twice as hard, and one of the authors wrote nothing.",
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
                message = f"{count / max(len(sketch), sizes[other]):.0%} of this is also in {other}"
                mend = "change that leaf instead, or write what is new here"
                yield f"{leaf}/{QNA}", Problem("near-copy", START, message, mend, other=other)


def _sketch(files: Files, path: str) -> set[int]:
    """Hashes of some runs of words, drawn by their content; nothing for a file that cannot be read."""
    try:
        words = _WORD.findall(files.read(path, MAX_BYTES)[:READ_BYTES].lower())
    except Unreadable:
        return set()  # told by the rule `unreadable`
    runs = zip(*(words[start:] for start in range(SHINGLE)), strict=False)
    return {value for run in runs if not (value := hash(run)) % ONE_IN}
