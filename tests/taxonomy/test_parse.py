"""One parse: plain data, a place for every node, problems instead of exceptions."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.taxonomy.parse import MAX_DEPTH, parse
from bot.taxonomy.parsed import Other

TEXT = b"""# a leaf
version: 3
created_by: "someone"
document:
  patterns: [a.md, 'b.md']
seed_examples:
  - context: |
      Two
      lines.
    questions_and_answers:
      - question: Which year?
        answer: 1868
"""


def test_data_is_what_yaml_says() -> None:
    parsed = parse(TEXT)
    assert parsed.problems == ()
    assert parsed.data == yaml.safe_load(TEXT)


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        (("version",), 2, 10),
        (("created_by",), 3, 13),
        (("document", "patterns", 1), 5, 20),
        (("seed_examples", 0), 7, 5),
        (("seed_examples", 0, "context"), 7, 14),
        (("seed_examples", 0, "questions_and_answers", 0, "answer"), 12, 17),
    ],
)
def test_every_node_has_its_place(path: tuple[str | int, ...], line: int, column: int) -> None:
    place = parse(TEXT).place(path)
    assert (place.line, place.column) == (line, column)


def test_a_key_has_a_place_too_and_what_is_not_there_that_of_what_is_above() -> None:
    parsed = parse(TEXT)
    assert (
        parsed.key_place(("document", "patterns")).line,
        parsed.key_place(("document", "patterns")).column,
    ) == (5, 3)
    assert parsed.place(("document", "repo")) == parsed.place(("document",))


def test_lines_are_given_for_showing() -> None:
    parsed = parse(b"a: 1\r\nb: 2\n")
    assert [parsed.line(number) for number in (1, 2, 3, 9)] == ["a: 1", "b: 2", "", ""]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", True), ("off", False), ("12", 12), ("-3", -3), ("1.5", 1.5), ("~", None), ("", None),
        ('"12"', "12"), ("'yes'", "yes"), ("No one", "No one"), ("!!str 12", "12"),
        ("2024-01-31", Other("date", "2024-01-31")), ("0x1f", Other("number", "0x1f")),
        ("12:30", Other("number", "12:30")), (".inf", Other("number", ".inf")),
        ("9" * 5000, Other("number", "9" * 5000)),
    ],
)  # fmt: skip
def test_plain_values(written: str, value: Any) -> None:
    assert parse(f"a: {written}".encode()).data == {"a": value}


def test_an_alias_repeats_what_it_names() -> None:
    parsed = parse(b"a: &x [1, 2]\nb: *x\nc: &y word\nd: *y\n")
    assert parsed.problems == ()
    assert parsed.data == {"a": [1, 2], "b": [1, 2], "c": "word", "d": "word"}


def test_as_deep_as_allowed_and_one_more() -> None:
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH).problems == ()
    assert [p.rule for p in parse(b"[" * (MAX_DEPTH + 1)).problems] == ["yaml-limit"]


def test_of_a_key_that_stands_twice_the_first_counts() -> None:
    parsed = parse(b"a: 1\na: 2\n")
    assert parsed.data == {"a": 1}
    assert [(p.rule, p.place.line, p.place.column) for p in parsed.problems] == [("yaml-duplicate-key", 2, 1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"question: What: this\n", "text without quotes contains a colon"),
        (b"a:\n\tb: 1\n", "a tab is not allowed here"),
        (b'a: "x\nb: 1\n', "the quote that starts here is never closed"),
        (b"a: @x\n", "text without quotes must not begin with '@'"),
    ],
)
def test_common_mistakes_are_told_in_plain_words(text: bytes, message: str) -> None:
    assert [p.message for p in parse(text).problems] == [message]


@given(st.binary(max_size=200))
def test_any_bytes_give_data_or_a_problem(content: bytes) -> None:
    parsed = parse(content)
    assert parsed.root is not None or parsed.problems


_WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8)
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**9), 10**9), _WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_WORDS, inner, max_size=4)),
    max_leaves=20,
)


@given(st.dictionaries(_WORDS, _VALUES, min_size=1, max_size=4))
def test_what_pyyaml_writes_is_read_as_it_was(value: dict[str, Any]) -> None:
    parsed = parse(yaml.safe_dump(value, allow_unicode=True).encode())
    assert parsed.problems == () or any(p.rule == "yaml-alias" for p in parsed.problems)
    if not parsed.problems:
        assert parsed.data == value


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        ("a: | The text\n  more\n", 6, "text stands on the line of the | or >", "on the next line"),
        ("a: > The text\n", 6, "text stands on the line of the | or >", "on the next line"),
        ('a: "yes" he said\n', 10, "text follows the closing quote", "put the whole text in quotes"),
        ("a: [x] and more\n", 8, "text follows the closing quote or bracket", "put the whole text in quotes"),
        ("a: *bold* text\n", 9, "must not begin with * or &", "double quotes"),
        ("a: - one\n", 4, "must not begin with a dash", "double quotes"),
    ],
)
def test_text_that_yaml_cannot_read_is_told_in_plain_words(
    text: str, column: int, message: str, hint: str
) -> None:
    (problem,) = parse(text.encode()).problems
    assert (problem.rule, problem.place.line, problem.place.column) == ("yaml-syntax", 1, column)
    assert message in problem.message
    assert hint in problem.help
