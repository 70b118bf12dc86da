"""Text that YAML drops or changes silently is told where it is lost."""

from typing import Any

import pytest

from tests.helpers.lint_tree import KNOWLEDGE, SKILL

QNA, EXAM, PLAIN = f"{SKILL}/qna.yaml", f"{KNOWLEDGE}/exam.yaml", "answer: Good day, Ann!"
B = "\\"


def told(tree: Any, answer: str) -> list[tuple[str, int, int, str]]:
    tree.replace(QNA, PLAIN, f"answer: {answer}")
    return [(one.rule, one.line, one.column, one.message) for one in tree.lint().findings]


@pytest.mark.parametrize(
    ("answer", "line", "column", "message"),
    [
        ("See issue #3 of the list", 6, 23, "YAML reads '#3 of the list' as a comment and drops it"),
        ("The language C # and others", 6, 28, "'# and others' as a comment"),
        ("Day one\n      of issue #4", 7, 16, "'#4' as a comment"),
        ("| # Oru\n      An island.", 6, 15, "'# Oru' as a comment"),
        (">- #Oru\n      An island.", 6, 16, "'#Oru' as a comment"),
        (">\n      - tea\n      - milk", 7, 7, "YAML joins the lines of this list or table"),
        ("The list\n      1. tea\n      2. milk", 7, 7, "YAML joins the lines"),
        (">\n      | a | b |\n      |---|---|\n      | 1 | 2 |", 7, 7, "YAML joins the lines"),
        ('"Buy:\n      * tea\n      * milk"', 7, 7, "YAML joins the lines"),
        (f'"The angle {B}beta of a ray"', 6, 24, "in double quotes, a backslash begins an escape"),
        (f'"It is ${B}times 2$ and {B}frac12"', 6, 21, "a backslash begins an escape"),
        (f'"Open C:{B}temp"', 6, 19, "a backslash begins an escape"),
        ("&copy 2020 The keepers", 6, 13, "YAML reads &copy as an anchor and drops it"),
        ("! that is all", 6, 13, "YAML reads the ! as a tag and drops it"),
    ],
)
def test_it_is_told_where_it_is_lost(tree: Any, answer: str, line: int, column: int, message: str) -> None:
    ((rule, at, start, text),) = told(tree, answer)
    assert (rule, at) == ("lost-text", line)
    assert message in text
    assert start == column


@pytest.mark.parametrize(
    "answer",
    [
        '"See issue #3 of the list"',
        "See issue number 3  # the newest",
        "See C# and F#",
        "|  # the quotes need this\n      An island.",
        "|\n      # Oru\n      An island.",
        "|\n      - tea\n      - milk",
        ">\n      - tea\n\n      - milk",
        "One line\n      and another - with dashes - in it",
        '"first line\\nand second\\tcolumn"',
        f"'The angle {B}beta'",
        f'"The angle {B}{B}beta"',
        "&one Good day",
    ],
)
def test_what_is_kept_is_not_told(tree: Any, answer: str) -> None:
    if answer.startswith("&"):
        tree.replace(QNA, "answer: Good day, Bo!", "answer: *one")
    assert told(tree, answer) == []


def test_a_comment_behind_a_value_that_is_no_sentence_is_a_comment(tree: Any) -> None:
    tree.replace(QNA, "created_by: someone", "created_by: someone #me")
    tree.replace(EXAM, "[Grey]", "[Grey] #all of them")
    assert tree.rules() == []
