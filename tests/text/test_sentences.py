"""Where a paragraph is cut into sentences, and where a full stop belongs to an abbreviation or an initial."""

import pytest

from bot.text.analysis import sentences
from bot.text.language import language

WHOLE = {
    "en": [
        "St. Mary stands on the quay of Corran.",
        "The bell was cast by Dr. Ada Finch and Mr. Holm.",
        "Mt. Corran is 812 metres high.",
        "George W. Bush met J. R. Smith there.",
        "The firm Holm & Co. Corran built it.",
        "It opens at 9 a.m. Tuesdays only.",
        "See Fig. 3 and No. 17 of vol. 4 (cf. Finch et al. 1911).",
        "Tools, e.g. Hammers and Files, hang there.",
        "U.S. Navy ships anchored here in Sept. 1911.",
    ],
    "de": [
        "Die Kirche St. Marien steht seit dem 3. Mai 1911 am Markt.",
        "Manche Metalle, z. B. Eisen und Zinn, rosten.",
        "Prof. Dr. Halden wohnte in Nr. 17.",
        "Das Tal liegt ca. 40 Meter tief, vgl. Abb. 3.",
    ],
    "es": ["El Sr. Ruiz y la Dra. Vega fundaron el puerto, p.ej. Corran, en la pág. 3."],
    "fr": ["M. Dupont et Mgr. Leroy vinrent en l'an 300 apr. J.-C. à Marseille."],
    "pt": ["O Sr. Pinto e a Dra. Sousa moram na Av. Central."],
}
SEVERAL = {
    "en": [
        ["He lives on Main St.", "The house is old."],
        ["We chose plan B.", "Then it rained."],
        ["It was built by Holm & Co.", "It still stands."],
        ["He said no.", "Mary left."],
        ["The tower is 812 m.", "It is white."],
        ["Who cast it?", "Dr. Finch did!", "She was 40."],
        ["It ended in 1911.", "5 ships were lost."],
    ],
    "de": [["Es wiegt 3 kg.", "Eisen ist schwer."], ["Das war die Nr.", "Es kam nichts."]],
    "ja": [["猫がいる。", "犬もいる。"]],
}


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in WHOLE.items() for text in texts])
def test_a_full_stop_of_an_abbreviation_or_an_initial_ends_no_sentence(code: str, text: str) -> None:
    assert sentences(text, language(code)) == [text]


@pytest.mark.parametrize(
    ("code", "parts"), [(code, parts) for code, each in SEVERAL.items() for parts in each]
)
def test_a_full_stop_ends_a_sentence(code: str, parts: list[str]) -> None:
    between = "" if code == "ja" else " "
    assert sentences(between.join(parts), language(code)) == parts
