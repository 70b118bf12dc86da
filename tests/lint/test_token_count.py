"""Examples are counted as the student counts them, where its tokenizer is on this machine."""

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from bot.config.recipe import LintRecipe
from bot.lint import lint_tree
from bot.lint.cache import open_cache
from tests.helpers.lint_tree import KNOWLEDGE

LONG = "word " * 60


@pytest.fixture
def student(tmp_path: Path) -> Path:
    """A student's folder, whose tokenizer makes a token of every word."""
    folder = tmp_path / "student"
    folder.mkdir()
    tokenizer = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def found(tree: Any, student: Path, max_tokens: int) -> list[tuple[str, str]]:
    settings = LintRecipe(select=("too-many-tokens",), student=str(student), max_tokens=max_tokens)
    return [(finding.rule, finding.message) for finding in lint_tree(tree.root, settings=settings).findings]


def test_an_example_of_too_many_tokens_is_told_with_their_number(tree: Any, student: Path) -> None:
    tree.replace(f"{KNOWLEDGE}/qna.yaml", "answer: First Oru", f"answer: {LONG}Oru")
    message = "this example and its context have 85 tokens; the maximum is 80"
    assert found(tree, student, 80) == [("too-many-tokens", message)]
    assert found(tree, student, 85) == []


def test_without_the_tokenizer_nothing_is_counted(tree: Any, tmp_path: Path) -> None:
    tree.replace(f"{KNOWLEDGE}/qna.yaml", "answer: First Oru", f"answer: {LONG}Oru")
    assert found(tree, tmp_path / "nowhere", 80) == []
    assert found(tree, tmp_path, 80) == []


def test_what_was_not_counted_is_counted_once_the_tokenizer_is_there(
    tree: Any, student: Path, tmp_path: Path
) -> None:
    tree.replace(f"{KNOWLEDGE}/qna.yaml", "answer: First Oru", f"answer: {LONG}Oru")
    settings = LintRecipe(select=("too-many-tokens",), student=str(student), max_tokens=80)
    (student / "tokenizer.json").rename(student / "kept")

    def count() -> int:
        with open_cache(tmp_path / "lint.sqlite", settings) as cache:
            return len(lint_tree(tree.root, settings=settings, cache=cache).findings)

    assert (count(), count()) == (0, 0)
    (student / "kept").rename(student / "tokenizer.json")
    assert count() == 1


def test_a_hostile_length_takes_no_time(tree: Any, student: Path) -> None:
    tree.replace(f"{KNOWLEDGE}/qna.yaml", "answer: First Oru", f"answer: {'x ' * 2_000_000}Oru")
    assert found(tree, student, 80) == []
