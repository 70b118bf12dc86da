"""Rules on documents that need more than the tree: a large file, and other repositories."""

from typing import Any

import pytest

from bot.lint import lint_tree
from bot.lint.rules import RULES
from bot.recipe import LintRecipe
from tests.lint.conftest import DOCUMENT, KNOWLEDGE

QNA = f"{KNOWLEDGE}/qna.yaml"


def found(tree: Any, **options: Any) -> list[tuple[str, int]]:
    return [(finding.rule, finding.line) for finding in lint_tree(tree.root, **options).findings]


def test_a_document_that_is_too_large(tree: Any) -> None:
    tree.write(f"{KNOWLEDGE}/oru.md", DOCUMENT + "Barley. " * 130_000)
    assert found(tree) == [("document-size", 10)]
    assert found(tree, settings=LintRecipe(document_kb=1_100)) == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://192.0.2.1/org/name.git", "not a public one"),
        ("https://127.0.0.1/org/name.git", "not a public one"),
        ("https://169.254.169.254/latest/meta-data", "not a public one"),
        ("https://nowhere.invalid/org/name.git", "cannot be found"),
    ],
)
def test_a_repository_that_cannot_be_reached_is_told_online_only(tree: Any, url: str, told: str) -> None:
    tree.replace(QNA, "repo: .\n  commit: HEAD", f"repo: {url}\n  commit: {'a1' * 20}")
    assert found(tree) == []
    (finding,) = lint_tree(tree.root, online=True).findings
    assert (finding.rule, finding.line) == ("document-unreachable", 7)
    assert told in finding.message


def test_an_address_that_is_not_allowed_is_told_once(tree: Any) -> None:
    tree.replace(QNA, "repo: .\n  commit: HEAD", f"repo: file:///etc\n  commit: {'a1' * 20}")
    assert found(tree, online=True) == [("document-source", 7)]


def test_the_example_of_what_cannot_be_reached(tree: Any) -> None:
    example = RULES["document-unreachable"].example
    tree.replace(QNA, example.good, example.bad)
    assert [rule for rule, _ in found(tree, online=True)] == ["document-unreachable"]
