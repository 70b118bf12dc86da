"""`make bench` runs: each benchmark that needs no environment of its own, on little, from a bare PATH."""

import subprocess
import sys

import pytest

from tests import ROOT

SMALL = {
    "lint": ("lint.SIZES, lint.OF_THE_PEER = (20,), 2", "instructlab-schema 0.4.2 (on 2, times 10)"),
    "gate": ("gate.RELEASES = 4", "refused of 4 releases"),
    "scale": (
        "scale.LEAVES, scale.large_tree.LEAVES, scale.large_tree.IN_THE_STORE = (2, 4), 200, 20",
        "generate with nothing to generate",
    ),
}
"""What is made small, and a line that is then printed."""


@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_prints_its_figures(name: str) -> None:
    smaller, row = SMALL[name]
    done = subprocess.run(
        [sys.executable, "-c", f"from benchmarks import {name}; {smaller}; {name}.main()"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "160"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, (
        "the peer logs one where it cannot run yamllint, and is then faster"
    )
    assert row in done.stdout
