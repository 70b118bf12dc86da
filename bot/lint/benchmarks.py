"""Items of known benchmarks, known by fingerprints: the items themselves are not passed on.

A run of 12 words that two texts share is hardly chance (GPT-3's authors took 13, arXiv 2005.14165). Of each
item's runs those are kept whose hash comes out so, and the first one; a shorter item is one run.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

RUN = 12
# Of an item this short nothing is kept: others ask for the same.
FEWEST = 6
ONE_IN = 6
FINGERPRINTS = Path(__file__).parent / "benchmarks.txt"
_WORD = re.compile(r"[^\W_]+")


def benchmark_of(text: str) -> str | None:
    """The benchmark that a text has an item of, or a good part of one."""
    known = _known()
    return next((known[run] for run in _runs(text) if run in known), None)


@cache
def _known() -> dict[str, str]:
    """Fingerprints with the benchmark that they are of."""
    known, name = {}, ""
    for line in FINGERPRINTS.read_text().splitlines():
        if line.startswith("# "):
            name = line[2:]
        else:
            known[line] = name
    return known


def _runs(text: str) -> Iterator[str]:
    words = _WORD.findall(text.casefold())
    if len(words) >= FEWEST:
        for start in range(max(1, len(words) - RUN + 1)):
            run = " ".join(words[start : start + RUN])
            yield hashlib.blake2b(run.encode(), digest_size=8).hexdigest()


def _kept(text: str) -> set[str]:
    runs = list(_runs(text))
    return {run for place, run in enumerate(runs) if place == 0 or int(run, 16) % ONE_IN == 0}


def main() -> None:
    """Write the fingerprints of files with a text a line: NAME=FILE.jsonl:KEY ..."""
    for source in sys.argv[1:]:
        name, _, rest = source.partition("=")
        file, _, key = rest.rpartition(":")
        items = [json.loads(line)[key] for line in Path(file).read_text().splitlines()]
        texts = [text for item in items for text in (item if isinstance(item, list) else [item])]
        runs = {run for text in texts for run in _kept(text)}
        print("\n".join([f"# {name}", *sorted(runs)]))


if __name__ == "__main__":
    main()
