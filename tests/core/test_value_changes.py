"""Changes between two values: each field that differs, by its path, old and new."""

from typing import Any

import pytest

from bot.core.value_changes import LONGEST, changes


def found(before: Any, after: Any) -> list[tuple[str, str, str]]:
    return [(one.field, one.before, one.after) for one in changes(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": [1, "x"]}}, {"a": {"b": [1, "y"]}}, [("a.b[1]", "x", "y")]),
        ({"a": 1}, {"b": 1}, [("a", "1", "(absent)"), ("b", "(absent)", "1")]),
        ({"a": None}, {"a": False}, [("a", "null", "false")]),
        ({"a": [2, 3]}, {"a": [1, 2, 3]}, [("a[0]", "(absent)", "1")]),
        ({"a": [1, 2, 3]}, {"a": [1, 3]}, [("a[1]", "2", "(absent)")]),
        ({"a": {"x": 1}}, {"a": "text"}, [("a", '{"x":1}', "text")]),
        ({"a": "two\nlines"}, {"a": "two\n\nLines"}, [("a", "two lines", "two Lines")]),
    ],
)
def test_each_field_that_differs_is_named(before: Any, after: Any, changed: list[Any]) -> None:
    assert found(before, after) == changed


def test_of_a_long_text_the_difference_is_shown() -> None:
    text = "word " * 10_000
    [(_, before, after)] = found({"text": f"{text}1702 {text}"}, {"text": f"{text}1703 {text}"})
    assert before == after.replace("1703", "1702")
    assert "word 1702 word" in before
    assert before.startswith("…") and before.endswith("…")
    assert len(before) <= LONGEST


def test_of_a_long_list_the_number_of_items_that_differ_is_shown() -> None:
    numbers = list(range(5_000))
    assert found({"a": numbers}, {"a": [*numbers[1:], 7_000, 8_000]}) == [
        ("a", "5000 items, 1 of them not after", "5001 items, 2 of them not before")
    ]
    assert found({"a": numbers}, {"a": numbers[::-1]}) == [
        ("a", "5000 items, 0 of them not after", "5000 items in another order, 0 of them not before")
    ]
