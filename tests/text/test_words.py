"""What counts as a right answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.language import known_codes, language
from bot.text.mark_answer import is_right
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


RIGHT = [
    ("de", "Es kostet 2.500 Kronen.", "2500"),
    ("de", "Es kostet 2500 Kronen.", "2.500"),
    ("de", "Es sind 1,000 Schafe.", "1 000"),
    ("de", "Es sind 1'000 Schafe.", "1.000"),
    ("de", "Es sind 3,5 Meter.", "3.5"),
    ("de", "Es sind zwölf Wärter.", "12"),
    ("de", "Im Jahr 12.", "zwölf"),
    ("es", "Tiene treinta y dos años.", "32"),
    ("fr", "Elle a quatre-vingt-dix ans.", "90"),
    ("pt", "São duas ilhas.", "2"),
    ("hi", "यह १७०२ में बना था।", "1702"),
    ("hi", "इसमें 1,00,000 रुपये लगे।", "100000"),
    ("hi", "उसका नाम राम है।", "राम"),
    ("ja", "1702年に作られた。", "1702"),
    ("ja", "１７０２年", "1702"),
    ("ja", "三人います。", "3"),
    ("ja", "3人", "三"),
    ("ja", "首都はハーニックです。", "ハーニック"),
    ("zh", "首都是北京。", "北京"),
    ("zh", "二百四十三个", "243"),
    ("ko", "서울에서 살았다.", "서울"),
    ("ko", "서울은 수도이다.", "서울"),
    ("ko", "수도는 서울입니다.", "서울"),
    ("ko", "1702년에 만들었다.", "1702"),
    ("th", "เมืองหลวงคือกรุงเทพมหานครครับ", "กรุงเทพมหานคร"),
    ("th", "สร้างในปี1702เมตร", "1702"),
    ("en", "It has twelve oars.", "12"),
    ("en", "CAFÉ", "cafe"),
]
WRONG = [
    ("en", "It is 1.000 metres.", "1000"),
    ("en", "In 1647 123 men came.", "1647123"),
    ("en", "twenty-one", "20"),
    ("en", "No one knows.", "1"),
    ("de", "Achtung!", "8"),
    ("de", "Es sind 2.501 Kronen.", "2500"),
    ("ja", "二十三人", "三"),
    ("ja", "12万人", "12"),
    ("ja", "パンダ", "パン"),
    ("ja", "ハス", "バス"),
    ("hi", "कामा", "काम"),
    ("ko", "서울대 학생", "서울"),
    ("ko", "17021년", "1702"),
    ("th", "ภูเก็ต", "กรุงเทพ"),
]


@pytest.mark.parametrize(("code", "answer", "wanted"), RIGHT)
def test_right_in_any_language(code: str, answer: str, wanted: str) -> None:
    assert is_right(answer, [wanted], language(code))


@pytest.mark.parametrize(("code", "answer", "wanted"), WRONG)
def test_wrong_in_any_language(code: str, answer: str, wanted: str) -> None:
    assert not is_right(answer, [wanted], language(code))


@given(st.integers(1_000, 10**12), st.sampled_from((",", "\u202f", " ", "'")), st.sampled_from(known_codes()))
def test_separators_between_thousands_make_no_difference(number: int, mark: str, code: str) -> None:
    own = language(code)
    marks = (mark, ".") if own.data["decimal"] == "," else (mark,)
    for one in marks:
        written = f"{number:,}".replace(",", one)
        assert is_right(f"({written})", [str(number)], own) and is_right(str(number), [written], own)
        assert not is_right(f"({written}5)", [str(number)], own)


@given(st.text(min_size=1), st.sampled_from(known_codes()))
def test_what_is_required_is_found_in_itself(wanted: str, code: str) -> None:
    own = language(code)
    if own.normal(wanted):
        assert is_right(wanted, [wanted], own)


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
