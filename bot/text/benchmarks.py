"""Detection of items of known benchmarks by fingerprints (hashes), so that the items are not redistributed.

Two texts that share a run of 12 words hardly do so by chance (GPT-3 used 13, arXiv 2005.14165). For each item
the runs with the smallest hashes are kept; a shorter item is one run. Runs that occur in several items, such
as "which of the following statements is", do not identify an item and are not kept.
"""

import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path

RUN = 12
# Items with fewer words are skipped: other texts contain the same words by chance.
FEWEST = 10
KEPT = 3
FINGERPRINTS = Path(__file__).parent / "benchmarks.txt"
_WORD = re.compile(r"[^\W_]+")


def benchmark_of(text: str) -> str | None:
    """Return the name of the benchmark that the text contains an item of, whole or in part; None if none."""
    runs = set(_runs(text))
    return next((name for name, known in _known().items() if not known.isdisjoint(runs)), None)


@cache
def _known() -> dict[str, frozenset[str]]:
    """Return the shipped fingerprints, by the benchmark's name."""
    parts = FINGERPRINTS.read_text().removeprefix("# ").split("\n# ")
    return {lines[0]: frozenset(lines[1:]) for lines in (part.splitlines() for part in parts)}


def _runs(text: str) -> Iterator[str]:
    words = _WORD.findall(text.casefold())
    if len(words) >= FEWEST:
        for start in range(max(1, len(words) - RUN + 1)):
            run = " ".join(words[start : start + RUN])
            yield hashlib.blake2b(run.encode(), digest_size=6).hexdigest()


def main() -> None:
    """Print the fingerprints of JSONL files with one item per line; arguments: NAME=FILE.jsonl:KEY ..."""
    for source in sys.argv[1:]:
        name, _, rest = source.partition("=")
        file, _, key = rest.rpartition(":")
        items = [json.loads(line)[key] for line in Path(file).read_text().splitlines()]
        texts = {text for item in items for text in (item if isinstance(item, list) else [item])}
        runs = [set(_runs(text)) for text in texts]
        shared = {run for run, count in Counter(chain.from_iterable(runs)).items() if count > 1}
        kept = {run for own in runs for run in sorted(own - shared)[:KEPT]}
        print("\n".join([f"# {name}", *sorted(kept)]))


if __name__ == "__main__":
    main()
