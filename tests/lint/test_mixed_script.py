# ruff: noqa: RUF001 -- letters that look like others are what these tests are about
"""Letters of several scripts in one word: what deceives is told, what is a formula or a unit is not."""

from typing import Any

import pytest

from tests.helpers.lint_tree import SKILL

QNA = f"{SKILL}/qna.yaml"


def rules(tree: Any, words: str) -> list[str]:
    tree.replace(QNA, "answer: Good day, Ann!", f"answer: 'Good day: {words}'")
    found: list[str] = tree.rules()
    return found


@pytest.mark.parametrize(
    "words",
    [
        "It is πr² for a radius r.",
        "Thin Aδ fibres feel cold.",
        "It is called ΔT.",
        "It is about 70 μm wide.",
        "It is 5 Ωm here.",
        "the energy hν, the pressure ρgh",
        "3 μmol, 10 kΩ, βHCG, λmax, TNFα",
        "α-helix and γ-ray, Δx/Δt",
        "Καλημέρα and привет and good day",
        "ಠ_ಠ (づ｡◕‿‿◕｡)づ ʕ•ᴥ•ʔ",
    ],
)
def test_formulas_units_and_whole_words_of_any_script_are_no_deceit(tree: Any, words: str) -> None:
    assert rules(tree, words) == []


@pytest.mark.parametrize(
    "words",
    [
        "p\u0430ypal",  # a Cyrillic a
        "\u041eru",  # a Cyrillic O
        "\u0391nn",  # a Greek Alpha
        "n\u03bf",  # a Greek omicron, in a word of two letters
        "\u043er",  # a Cyrillic o, in a word of two letters
        "привeт",  # a Latin e among Cyrillic letters
        "Καλhμέρα",  # a Latin h among Greek letters
        "Жwz",  # three letters on two keyboards
    ],
)
def test_a_letter_that_passes_for_another_is_told(tree: Any, words: str) -> None:
    assert rules(tree, words) == ["mixed-script"]
