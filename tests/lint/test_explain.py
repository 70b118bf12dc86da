"""`arborist rule`: what is told of the rules."""

from pathlib import Path

import pytest

from bot.core.errors import UserError
from bot.lint.explain import explain, page
from bot.lint.rules import RULES
from tests import ROOT


def test_a_rule_is_told_with_its_reason_and_both_parts_of_its_example() -> None:
    told = explain("not-text")
    assert told.startswith("# not-text\n")
    assert "Severity: error." in told
    assert "Wrong (`exam.yaml`):\n\n```\nmust_contain: [[900, nine hundred]]\n```" in told
    assert 'Right:\n\n```\nmust_contain: [["900", nine hundred]]\n```' in told


def test_what_cannot_be_seen_is_shown_by_its_code() -> None:
    assert "domain: geo<U+200B>graphy" in explain("invisible-character")


def test_a_rule_that_is_none() -> None:
    with pytest.raises(UserError, match="there is no rule 'not-txt'; did you mean not-text"):
        explain("not-txt")


def test_the_page_is_what_the_rules_say() -> None:
    """`make docs` writes it."""
    assert Path(ROOT / "docs" / "rules.md").read_text() == page()
    assert all(f"\n## {name}\n" in page() for name in RULES)
