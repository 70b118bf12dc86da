"""Languages: what is known of them is valid data, and texts are told apart."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bot.core.package_files import shipped
from bot.text.analysis import names, sentences, words
from bot.text.detect import foreign, known_language
from bot.text.language import UNKNOWN, known_codes, language
from bot.text.numbers import number_of, numbers_in

SCHEMA = Draft202012Validator(json.loads(shipped("schemas/language.json").read_text()))
TEXTS = {
    "en": "The old lighthouse stands on the rock, and its keeper counts the ships that come in.",
    "de": "Der alte Leuchtturm steht auf dem Felsen, und sein Wärter zählt die Schiffe.",
    "es": "El viejo faro está en la roca, y su guardián cuenta los barcos que llegan por la noche.",
    "fr": "Le vieux phare se trouve sur le rocher, et son gardien compte les bateaux de la nuit.",
    "pt": "O velho farol fica na rocha, e o seu guardião conta os barcos que não chegam à noite.",
    "ja": "古い灯台は岩の上に立っていて、番人は夜に来る船を数えます。",
    "zh": "古老的灯塔矗立在岩石上，看守人数着夜里来的船。",  # noqa: RUF001
    "ko": "오래된 등대는 바위 위에 서 있고, 등대지기는 밤에 오는 배를 센다.",
    "hi": "पुराना प्रकाशस्तंभ चट्टान पर है और उसका रखवाला रात में जहाज़ों को गिनता है।",
}
OTHERS = {
    "Dutch": "De oude vuurtoren staat op de rots, en zijn wachter telt de schepen die niet komen.",
    "Catalan": "El vell far és damunt la roca, i el seu guardià compta els vaixells amb un llum.",
    "Italian": "Il vecchio faro sta sulla roccia, e il suo guardiano conta le navi della notte.",
    "Danish": "Det gamle fyrtårn står på klippen, og dets vogter tæller skibene om natten.",
    "Finnish": "Vanha majakka seisoo kalliolla, ja sen vartija laskee yöllä tulevat laivat.",
    "Greek": "Ο παλιός φάρος στέκεται στον βράχο, και ο φύλακάς του μετρά τα πλοία τη νύχτα.",  # noqa: RUF001
    "Marathi": "जुना दीपगृह खडकावर आहे आणि त्याचा रखवालदार रात्री येणारी जहाजे मोजतो आहे.",
}


@pytest.mark.parametrize("code", known_codes())
def test_a_file_holds_what_its_schema_asks_for(code: str) -> None:
    data = language(code).data
    assert [error.message for error in SCHEMA.iter_errors(data)] == []
    assert data["code"] == code
    assert len(data["numbers"].split()) == 100
    assert data["framings"][0] == "{{ question }}"
    said = [word for entry in data["numbers"].split() for word in entry.split("|") if word != "-"]
    assert len(said) == len(set(said)), "each number has words of its own"


@pytest.mark.parametrize("code", known_codes())
def test_the_phrases_of_a_language_are_in_that_language(code: str) -> None:
    own = language(code)
    ways = [way if isinstance(way, str) else way["short"] for way in own.data["framings"]]
    for phrase in [*ways, own.data["recite"]]:
        text = phrase.replace("{{ question }}", "").replace("{{ title }}", "").replace("{{ start }}", "")
        assert not foreign(text, own), phrase


@pytest.mark.parametrize("code", TEXTS)
def test_a_language_is_told_by_its_words(code: str) -> None:
    assert known_language([TEXTS[code]]) == language(code)
    assert known_language([TEXTS[code].upper()]) == language(code)


@pytest.mark.parametrize("name", OTHERS)
def test_a_language_without_a_file_is_none_of_the_others(name: str) -> None:
    assert known_language([OTHERS[name]]) is None


@pytest.mark.parametrize("own", TEXTS)
@pytest.mark.parametrize("other", TEXTS)
def test_a_text_is_foreign_to_every_language_but_its_own(own: str, other: str) -> None:
    assert bool(foreign(TEXTS[other], language(own))) is (own != other)


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("Harnick", "de"),
        ("INV-4417", "ja"),
        ("The Lord of the Rings ist ein Buch.", "de"),
        ("NaCl", "hi"),
        ("print(x)", "zh"),
        ("東京タワーは1958年に完成した。", "ja"),
        ("H₂O", "fr"),
        ("", "en"),
    ],
)
def test_names_and_formulas_are_foreign_to_no_language(text: str, own: str) -> None:
    assert not foreign(text, language(own))


@given(st.text(), st.sampled_from(known_codes()))
def test_any_text_has_words_and_a_language_or_none(text: str, code: str) -> None:
    own = language(code)
    assert known_language([text]) is None or known_language([text]) in map(language, known_codes())
    assert set(words(text, own)) <= set(words(text, UNKNOWN)) | set(own.normal(text))
    assert " ".join(sentences(text, own)).split() == " ".join(sentences(text)).split()


@given(st.integers(2, 99), st.sampled_from(known_codes()))
def test_each_number_word_is_its_number(number: int, code: str) -> None:
    own = language(code)
    for word in own.data["numbers"].split()[number].split("|"):
        if word != "-":
            assert number_of(own.normal(word), own) == number
            assert numbers_in(own.normal(f"({word})"), own) == {number}


@pytest.mark.parametrize(
    ("code", "text", "numbers"),
    [
        ("en", "nineteen hundred and twelve", {1912}),
        ("en", "two, three and twenty one", {2, 3, 21}),
        ("en", "twelve million", {12_000_000}),
        ("de", "eintausendzweihundertvier schafe", {1204}),
        ("de", "achtung, dreist", set()),
        ("es", "mil novecientos sesenta y ocho", {1968}),
        ("fr", "mille neuf cent quatre vingt dix sept", {1997}),
        ("pt", "duzentos e trinta e um", {231}),
        ("ja", "千九百六十八年に三人", {1968, 3}),
        ("ja", "12万人", {120_000}),
        ("zh", "一九六八年", {1968}),
        ("hi", "उन्नीस सौ सत्तर", {1970}),
        ("ko", "천구백육십팔년에 세 명이", {1968, 3}),
        ("ko", "이십삼만 명과 이천이십사년", {230_000, 2024}),
        ("ko", "12만 명", {120_000}),
        ("ko", "사는 사람과 사과, 팔을 이 사회", set()),
        ("en", "no one", set()),
    ],
)
def test_numbers_are_read_in_words(code: str, text: str, numbers: set[int]) -> None:
    assert numbers_in(language(code).normal(text), language(code)) == numbers


@given(st.text(st.sampled_from("zwei hundert und drei 一二百万0 ")), st.sampled_from(known_codes()))
def test_any_sequence_of_number_words_is_read(text: str, code: str) -> None:
    assert all(number > 1 for number in numbers_in(language(code).normal(text), language(code)))


def test_an_ordinal_in_a_german_date_is_no_end_of_a_sentence() -> None:
    text = "Der Turm wurde am 3. Mai 1204 erbaut. Er ist alt."
    assert sentences(text, language("de")) == ["Der Turm wurde am 3. Mai 1204 erbaut.", "Er ist alt."]
    assert sentences("यह पुराना है। वह नया है।", language("hi")) == ["यह पुराना है।", "वह नया है।"]


def test_names_in_a_script_without_spaces_are_what_is_not_native() -> None:
    assert names("コルヴェーンの時計はUSB付きで1702年からです。", ()) == ("コルヴェーン", "USB", "1702")
