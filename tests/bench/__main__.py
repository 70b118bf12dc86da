"""Run the benchmarks that are named, or all: `python -m tests.bench lint generate`."""

import sys
from collections.abc import Callable

from tests.bench import generate, lint, training

BENCHES: dict[str, Callable[[], None]] = {
    "lint": lint.main,
    "generate": generate.main,
    "training": training.main,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or BENCHES:
        BENCHES[name]()
