"""The results of a candidate in the summary of its job, which whoever approves the release reads."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.github.render import render
from bot.pipeline.candidate import Candidate

MOST_ROWS = 50
"""How many criteria and leaves are shown, the failed and undecided criteria first."""
_FIRST = ("failed", "undecided", "passed")


def write_summary(candidate: Candidate) -> None:
    """Append a candidate's results to the job's summary; do nothing outside a workflow."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{summary_of(candidate)}\n")


def summary_of(candidate: Candidate) -> str:
    """Return a candidate's results as Markdown."""
    return render(
        "candidate",
        tag=candidate.manifest["release"],
        key=candidate.key,
        previous=candidate.previous,
        verdict=candidate.verdict,
        criteria=sorted(candidate.verdict.report.get("criteria", ()), key=_order),
        most=MOST_ROWS,
        leaves=candidate.leaves,
        pulls=candidate.manifest["pulls"],
        gguf=candidate.manifest.get("gguf"),
    )


def _order(criterion: Mapping[str, Any]) -> int:
    return _FIRST.index(criterion["verdict"])
