"""The benchmarks that need no further environment run, on small input; `.venv/bin` is not in PATH."""

import os
import subprocess
import sys

import pytest

from tests import ROOT

SMALL = {
    "lint": ("lint.SIZES, lint.OF_THE_PEER = (1_000,), 2", "instructlab-schema 0.4.2 (on 2, times 500)"),
    "gate": ("gate.RELEASES = 4", "refused of 4 releases"),
    "scale": (
        "scale.LEAVES, scale.large_tree.LEAVES, scale.large_tree.IN_THE_STORE = (2,), 20, 5",
        "generate with nothing to generate",
    ),
}
"""For each benchmark, the statement that makes its input small, and a text that it then prints."""


@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_prints_its_figures(name: str) -> None:
    smaller, row = SMALL[name]
    done = subprocess.run(
        [sys.executable, "-c", f"from benchmarks import {name}; {smaller}; {name}.main()"],
        cwd=ROOT,
        env={**os.environ, "PATH": "/usr/bin:/bin", "COLUMNS": "160"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, (
        "InstructLab's check logs a traceback where it cannot start yamllint, and then takes less time"
    )
    assert row in done.stdout
