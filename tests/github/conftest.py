"""The local GitHub of its own tests: what the bot does there is seen as people would see it."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.core.store import Store
from bot.github.lint_report import report
from tests.helpers.local_github import TAXONOMY
from tests.localworld.github.conftest import clone, lab, proposal, proposed, server, settled

__all__ = ["clone", "lab", "proposal", "proposed", "server", "settled"]


def lint_report(findings: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What `arborist lint --output` writes; see schemas/report.json."""
    of = Counter(finding["severity"] for finding in findings)
    counts = {severity: of[severity] for severity in ("error", "warning", "info")}
    return {
        "version": 1,
        "root": "taxonomy",
        "findings": list(findings),
        "leaves": [],
        "counts": {**counts, "leaves": 0},
    }


@pytest.fixture
def told(lab: Any, proposal: Any, tmp_path: Path) -> Callable[..., Any]:
    """told(plan, findings, run): what lint handed over, and fields of its run; returns what `arborist report`
    posts."""

    def tell(plan: dict[str, Any] | None = None, findings: Sequence[dict[str, Any]] = (), **run: Any) -> Any:
        here = lab.as_("arborist[bot]")
        pull = here.get_pull(1)
        base = here.get_branch("main").commit.sha
        stated = {
            "version": 1,
            "pull": 1,
            "head": pull.head.sha,
            "base": base,
            "base_ref": "main",
            "leaves": [],
            "same": 3,
        }
        (tmp_path / "lint.json").write_text(json.dumps(lint_report(findings)))
        (tmp_path / "plan.json").write_text(json.dumps({**stated, **(plan or {})}))
        made = {
            "id": 7,
            "event": "pull_request",
            "path": ".github/workflows/lint.yml",
            "head_sha": pull.head.sha,
            "head_branch": "leaf",
            "head_repository": {"full_name": "contributor/taxonomy"},
            "html_url": f"{lab.url}/{TAXONOMY}/actions/runs/7",
            **run,
        }
        recipe = load_recipe(Path("arborist.yaml"))
        return report(here, {"workflow_run": made}, tmp_path, recipe, Store(str(tmp_path)))

    return tell
