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
