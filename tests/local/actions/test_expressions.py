"""Expressions in `concurrency`."""

import pytest

from bot.local.actions.expressions import Unknown, evaluate

CONTEXT = {"github": {"event": {"number": 7, "draft": False}, "ref": "refs/heads/main"}, "inputs": {}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("retrain", "retrain"),
        ("lint-${{ github.event.number }}", "lint-7"),
        ("${{ github.event.missing.deep || github.ref }}", "refs/heads/main"),
        ("${{ inputs.pull || 'it''s' }}-${{ github.event.draft }}", "it's-false"),
    ],
)
def test_paths_literals_and_or_are_filled_in(text: str, expected: str) -> None:
    assert evaluate(text, CONTEXT) == expected


def test_what_is_not_understood_is_said() -> None:
    with pytest.raises(Unknown, match="hashFiles"):
        evaluate("${{ hashFiles('x') }}", CONTEXT)
