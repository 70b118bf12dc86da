"""Two ways to write what a person reads alike are the same text."""

import pytest

from bot.text.compare_as_read import as_read


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the sys- tems", "the systems"),
        ("a well-known\nisle", "a well- known isle"),
        ("the o\ufb03ce", "the office"),
        ("so\u00adft \u200bwords", "soft words"),
        ("\u201cIt\u2019s\u201d \u2014 so\u2026", '"It\'s" - so...'),
        ("The bridge[1] was built.[^n] It stands.\u00b2", "The bridge was built. It stands."),
        ("\uff21\uff22 \u00a0c", "AB c"),
        ("\u767e\u4e8c\n\u5341\u7c73", "\u767e\u4e8c\u5341\u7c73"),
    ],
)
def test_the_same_to_a_reader(one: str, other: str) -> None:
    assert as_read(one) == as_read(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-5 degrees", "5 degrees"),
        ("1990-1995", "19901995"),
        ("an isle", "a nisle"),
        ("20 m\u00b2", "20 m"),
        ("US", "us"),
    ],
)
def test_not_the_same_to_a_reader(one: str, other: str) -> None:
    assert as_read(one) != as_read(other)
