"""What a pull request's own workflow hands over is checked; one line says what is wrong; nothing is told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import UserError
from bot.github.lint_report import read_artifact
from bot.lint.report import read_report
from tests.github.conftest import lint_report

PLACE = {"path": "x", "line": 1, "column": 1}
WORDS = {"message": "x", "help": "x", "fixed_line": "x"}


def test_a_file_that_is_not_json_is_refused(tmp_path: Path) -> None:
    for text in ("", "{", "[" * 100_000, "\0", "NaN,"):
        (tmp_path / "lint.json").write_text(text)
        with pytest.raises(UserError, match=r"^artifact: lint\.json is not JSON$"):
            read_artifact(tmp_path, "lint.json")


def test_a_file_that_is_missing_is_refused_and_so_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^artifact: lint\.json is missing$"):
        read_artifact(tmp_path, "lint.json")
    (tmp_path / "lint.json").mkdir()
    with pytest.raises(UserError, match=r"^artifact: lint\.json is missing$"):
        read_artifact(tmp_path, "lint.json")


def test_a_report_with_another_schema_is_refused() -> None:
    for report in ({}, [], "@everyone", {**lint_report([]), "findings": "@everyone"}):
        with pytest.raises(UserError, match=r"schemas/report\.json"):
            read_report(report)


def test_a_severity_of_their_own_is_refused_and_nothing_is_told(lab: Any, told: Callable[..., Any]) -> None:
    with pytest.raises(UserError, match=r"schemas/report\.json"):
        told(findings=[{**PLACE, **WORDS, "rule": "not-text", "severity": "<b>"}])
    assert not list(lab.as_("outsider").get_issue(1).get_comments())
