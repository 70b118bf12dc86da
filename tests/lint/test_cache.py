"""The cache of findings: the same report, sooner; and never an old one."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bot.config.recipe import LintRecipe
from bot.lint import cache as cache_module
from bot.lint import leaves, lint_tree
from bot.lint.cache import open_cache
from bot.lint.report import Report
from tests.helpers.lint_tree import KNOWLEDGE

QNA = f"{KNOWLEDGE}/qna.yaml"


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The leaves that were really looked at."""
    seen: list[str] = []
    original = leaves.LeafView

    class Seen(original):  # type: ignore[misc, valid-type]
        def __init__(self, files: Any, path: str, *rest: Any, **options: Any) -> None:
            seen.append(path)
            super().__init__(files, path, *rest, **options)

    monkeypatch.setattr(leaves, "LeafView", Seen)
    return seen


def lint(tree: Any, file: Path, settings: LintRecipe = LintRecipe()) -> Report:
    with open_cache(file, settings) as cache:
        return lint_tree(tree.root, None, settings, None, cache)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "lint.sqlite"


def test_the_second_time_nothing_is_looked_at_and_the_report_is_the_same(
    tree: Any, file: Path, looked_at: list[str]
) -> None:
    tree.replace(QNA, "domain: geography", "domain: 7")
    first = lint(tree, file)
    assert first.errors == 1
    looked_at.clear()
    assert lint(tree, file) == first
    assert looked_at == []
    assert tree.lint() == first


@pytest.mark.parametrize("changed", ["qna.yaml", "exam.yaml", "attribution.txt", "oru.md"])
def test_a_leaf_that_changed_in_any_file_is_looked_at(
    tree: Any, file: Path, looked_at: list[str], changed: str
) -> None:
    lint(tree, file)
    looked_at.clear()
    tree.write(f"{KNOWLEDGE}/{changed}", (tree.root / KNOWLEDGE / changed).read_text() + "\n")
    lint(tree, file)
    assert looked_at == [KNOWLEDGE]


def test_other_settings_are_other_findings(tree: Any, file: Path) -> None:
    tree.replace(QNA, "The island of Oru", "The <b>island</b> of Oru")
    assert [f.rule for f in lint(tree, file).findings] == ["html"]
    assert lint(tree, file, LintRecipe(ignore=("html",))).findings == []
    assert lint(tree, file, LintRecipe(severity={"html": "error"})).errors == 1


def test_other_code_is_other_findings(
    tree: Any, file: Path, looked_at: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lint(tree, file)
    looked_at.clear()
    monkeypatch.setattr(cache_module, "code", lambda: "another")
    lint(tree, file)
    assert len(looked_at) == 2


@pytest.mark.parametrize("content", [b"no database", b"", b"SQLite format 3\0" + b"\xff" * 200])
def test_a_broken_cache_is_as_none(tree: Any, file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    assert lint(tree, file).findings == []


def test_an_entry_that_cannot_be_read_is_as_none(tree: Any, file: Path) -> None:
    lint(tree, file)
    with sqlite3.connect(file) as database:
        database.execute("UPDATE leaves SET linted = '[[1'")
    assert lint(tree, file).findings == []


def test_without_a_place_to_write_lint_works(tree: Any, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    assert lint(tree, tmp_path / "taken" / "lint.sqlite").findings == []
