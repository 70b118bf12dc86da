"""What counts as a right answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.marking import is_right
from bot.text.words import normal


@pytest.mark.parametrize(
    ("answer", "must_contain"),
    [
        ("The capital is HARNICK.", ["Harnick"]),
        ("About 8,400 people live there.", ["8400"]),
        ("About 8\u202f400 people.", ["8,400"]),
        ("It melts at 1140°C.", ["1140"]),
        ("Captain Brandvik's ship", ["Brandvik"]),
        ("Die Stra\u00dfe in K\u00f6ln", ["strasse", "Koln"]),
        ("deep-violet", ["deep violet"]),
        ("**Invoice number:** INV-4417", ["Invoice number: INV-4417"]),
        ("CO\u2082 is taken in", [["carbon dioxide", "CO2"]]),
        ("It is written in C++.", ["C++"]),
        ("It was 3.5 metres.", ["3.5"]),
        ("\u7b54\u6848\u662f\u5317\u4eac\u3002", ["\u5317\u4eac"]),
    ],
)
def test_right_however_it_is_written(answer: str, must_contain: list[str]) -> None:
    assert is_right(answer, must_contain)


@pytest.mark.parametrize(
    ("answer", "must_contain"),
    [
        ("In 18710.", ["1871"]),
        ("A clovestone.", ["clove"]),
        ("It was 3.5 metres.", ["3"]),
        ("Harnick", ["Harnick", "Sundrel"]),
        ("Neither of them.", [["clove", "cloves"]]),
        ("", ["Harnick"]),
        ("anything", ["..."]),
        ("It is 5 degrees.", ["-5"]),
    ],
)
def test_wrong(answer: str, must_contain: list[str]) -> None:
    assert not is_right(answer, must_contain)


@given(st.text(), st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1))
def test_a_word_standing_alone_is_found(before: str, word: str) -> None:
    if normal(word):
        assert is_right(f"{before} \n {word} ", [word]) or normal(before)[-1:].isdigit()


@given(st.text())
def test_normal_is_stable(text: str) -> None:
    assert "  " not in normal(text)


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_is_written_down_as_it_is_beside_other_letters(text: str) -> None:
    assert f"{normal(text)} e".strip() == normal(f"{text} \u00e9")
