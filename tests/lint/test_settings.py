"""What arborist.yaml may say of lint: which rules run, and how grave breaking them is."""

from typing import Any

import pytest

from bot.config.recipe import LintRecipe
from bot.core.errors import UserError
from bot.lint import lint_tree
from tests.helpers.lint_tree import KNOWLEDGE

QNA = f"{KNOWLEDGE}/qna.yaml"


@pytest.fixture
def broken(tree: Any) -> Any:
    tree.replace(QNA, "domain: geography", "domain: 7")
    tree.replace(QNA, "The island of Oru", "The <b>island</b> of Oru")
    assert sorted(tree.rules()) == ["html", "not-text"]
    return tree


def found(tree: Any, **settings: Any) -> list[tuple[str, str]]:
    report = lint_tree(tree.root, None, LintRecipe(**settings))
    return sorted((finding.rule, str(finding.severity)) for finding in report.findings)


def test_a_rule_that_is_ignored(broken: Any) -> None:
    assert found(broken, ignore=("html",)) == [("not-text", "error")]


def test_only_what_is_selected(broken: Any) -> None:
    assert found(broken, select=("html",)) == [("html", "warning")]


def test_another_severity(broken: Any) -> None:
    severity = {"html": "error", "not-text": "info"}
    assert found(broken, severity=severity) == [("html", "error"), ("not-text", "info")]


def test_a_rule_that_is_none(broken: Any) -> None:
    with pytest.raises(UserError, match="there is no rule 'htlm'; did you mean html"):
        found(broken, ignore=("htlm",))


def accepted(tree: Any, **settings: Any) -> dict[str, int]:
    return dict(lint_tree(tree.root, None, LintRecipe(**settings)).accepted)


@pytest.mark.parametrize(
    "glob", ["knowledge/**", f"{KNOWLEDGE}/qna.yaml", f"{KNOWLEDGE}/*", "**/qna.yaml", "knowledge/*/*/oru/*"]
)
def test_a_rule_that_does_not_count_in_a_place(broken: Any, glob: str) -> None:
    assert found(broken, ignore_in={glob: ("html",)}) == [("not-text", "error")]
    assert accepted(broken, ignore_in={glob: ("html",)}) == {"path": 1}
    assert found(broken, ignore_in={glob: ("html", "not-text")}) == []


@pytest.mark.parametrize(
    "glob", ["knowledge", "knowledge/*", "compositional_skills/**", "qna.yaml", f"taxonomy/{KNOWLEDGE}/**"]
)
def test_elsewhere_it_counts(broken: Any, glob: str) -> None:
    assert found(broken, ignore_in={glob: ("html", "not-text")}) == [
        ("html", "warning"),
        ("not-text", "error"),
    ]


def test_a_rule_that_is_none_in_a_place(broken: Any) -> None:
    with pytest.raises(UserError, match="there is no rule 'htlm'; did you mean html"):
        found(broken, ignore_in={"knowledge/**": ("htlm",)})


@pytest.mark.parametrize(
    "comment",
    [
        ("document_outline: The <b>island</b> of Oru", "{}  # arborist: ignore html"),
        ("document_outline: The <b>island</b> of Oru", "# arborist: ignore html\n{}"),
        ("document_outline: The <b>island</b> of Oru", "# arborist: ignore too-long, html\n{}"),
        ("# An invented island.", "# An invented island.\n# arborist: ignore html"),
        ("# An invented island.", "#arborist:ignore html\n"),
    ],
)
def test_a_warning_that_a_comment_accepts(broken: Any, comment: tuple[str, str]) -> None:
    old, new = comment
    broken.replace(QNA, old, new.format(old))
    assert found(broken) == [("not-text", "error")]
    assert accepted(broken) == {"comment": 1}


@pytest.mark.parametrize(
    "comment",
    [
        ("document_outline: The <b>island</b> of Oru", "{}  # arborist: ignore not-text"),
        ("document_outline: The <b>island</b> of Oru", "{}  # arborist: ignore"),
        ("document_outline: The <b>island</b> of Oru", "{}  # arborist: ignore html please"),
        ("document:\n", "document: # arborist: ignore html\n"),
        ("domain: 7", "domain: 7 # arborist: ignore html"),
    ],
)
def test_a_comment_elsewhere_or_of_another_rule_accepts_nothing(
    broken: Any, comment: tuple[str, str]
) -> None:
    old, new = comment
    broken.replace(QNA, old, new.format(old))
    assert ("html", "warning") in found(broken)


def test_no_comment_accepts_an_error(broken: Any) -> None:
    """A pull request can bring a comment along; what blocks it is accepted by maintainers only."""
    broken.replace(QNA, "domain: 7", "domain: 7  # arborist: ignore not-text")
    assert found(broken) == [("html", "warning"), ("not-text", "error")]
    assert found(broken, severity={"not-text": "warning"}) == [("html", "warning")]
