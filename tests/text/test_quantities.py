"""The numbers that an answer states, with decimals, in digits and in words, in any language."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.language import known_codes, language
from bot.text.quantities import quantities_in


@pytest.mark.parametrize(
    ("code", "text", "stated"),
    [
        ("en", "It is 12.5 metres, or 8,400.50 feet.", "12.5 8400.5"),
        ("en", "Twelve and a half.", "12.5"),
        ("en", "three point one four", "3.14"),
        ("en", "It was minus five, then -7.", "-5 -7"),
        ("en", "1.2 million people", "1200000"),
        ("en", "two million 300 thousand", "2000000 300000"),
        ("en", "H2O, CO\u2082, A4 and 12km", "12"),
        ("en", "2 tenants", "2"),
        ("en", "twenty, two; three", "20 2 3"),
        ("en", "two million, three hundred thousand", "2300000"),
        ("en", "2\u00bd cups, 5 m\u00b2", "2.5 5"),
        ("en", "In 1700 three men", "1700 3"),
        ("en", "one door, no window: zero", "1 0"),
        ("de", "12,5 Meter, 2.500 Kronen, am 3.5.2024", "12.5 2500 3 5 2024"),
        ("de", "zw\u00f6lf Komma f\u00fcnf, dreieinhalb", "12.5 3.5"),
        ("de", "Achtung, zweihundertdreiundvierzig", "243"),
        ("fr", "5 centim\u00e8tres, deux et demi, 1\u202f234,5", "5 2.5 1234.5"),
        ("es", "dos y medio, tres coma cinco, 2 mil", "2.5 3.5 2000"),
        ("pt", "dois e meio, -3,5", "2.5 -3.5"),
        ("hi", "तीन दशमलव पाँच, १२.५, 1,00,000", "3.5 12.5 100000"),
        ("zh", "三点五米、十二万三千人、负五度、一九六八年", "3.5 123000 -5 1968"),
        ("ja", "三点一四、十二万人、3億5000万、マイナス五", "3.14 120000 350000000 -5"),
        ("ko", "삼점오 미터, 이십삼명, 영하 5도, 열두 개, 1,000원", "3.5 23 -5 12 1000"),
    ],
)
def test_numbers_are_read_as_the_language_writes_them(code: str, text: str, stated: str) -> None:
    assert quantities_in(text, language(code)) == {Decimal(one) for one in stated.split()}


def test_a_german_comma_before_three_digits_may_be_either_mark() -> None:
    assert quantities_in("3,125 Meter", language("de")) == {Decimal("3.125"), Decimal(3125)}
    assert quantities_in("3.125 Meter", language("de")) == {Decimal(3125)}
    assert quantities_in("3,125 metres", language("en")) == {Decimal(3125)}


@given(st.decimals(-(10**9), 10**9, places=2), st.sampled_from(known_codes()))
def test_any_number_is_found_with_and_without_separators(number: Decimal, code: str) -> None:
    own = language(code)
    marks = str.maketrans(",.", ".,") if own.data["decimal"] == "," else {}
    for written in (f"{number:,}".translate(marks), str(number).translate(marks)):
        assert number in quantities_in(f"({written})", own)


@given(
    st.text(st.sampled_from("zwei hundert und point half 12.,- 一二点百万个半0\u00bd ")),
    st.sampled_from(known_codes()),
)
def test_any_text_is_read(text: str, code: str) -> None:
    assert all(number.is_finite() for number in quantities_in(text, language(code)))
