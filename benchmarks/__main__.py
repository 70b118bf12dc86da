"""Run the benchmarks that are named, or all that need no GPU: `python -m benchmarks lint generate`."""

import sys
from collections.abc import Callable

from benchmarks import gate, generate, gpu, lint, scale, training

BENCHES: dict[str, Callable[[], None]] = {
    "lint": lint.main,
    "gate": gate.main,
    "generate": generate.main,
    "scale": scale.main,
    "training": training.main,
    "gpu": gpu.main,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or [name for name in BENCHES if name != "gpu"]:
        BENCHES[name]()
