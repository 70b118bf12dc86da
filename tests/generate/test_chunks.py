"""Documents are cut where they are built to be cut, and no passage is more than the teacher reads."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.generate.chunks import CHARACTERS_A_TOKEN, chunks
from bot.inference.models import EMBEDDED, load_tokenizer, model_folder
from tests import ROOT

SENTENCE = "The Corvane clock number {} stands in the hall of Ulmstead and strikes at noon."
BOOK = "\n\n".join(
    f"## Chapter {c}\n\n"
    + "\n\n".join(" ".join(SENTENCE.format(f"{c}{p}{s}") for s in range(4)) for p in range(3))
    for c in range(4)
)


def tokens(text: str) -> int:
    return len(load_tokenizer(model_folder(EMBEDDED))(text, add_special_tokens=False)["input_ids"])


def test_a_passage_has_no_more_tokens_than_asked_for_and_stands_under_its_heading() -> None:
    found = chunks(f"# Clocks\n\n{BOOK}", 100, EMBEDDED)
    assert len(found) > 8
    for passage in found:
        heading, _, text = passage.partition("\n\n")
        assert heading.startswith("#"), passage
        assert tokens(text) <= 100
        number = text.partition("number ")[2][0]
        assert f"Chapter {number}" in heading


def test_it_is_cut_between_sentences_and_nothing_is_lost_or_doubled() -> None:
    found = chunks(BOOK, 100, EMBEDDED)
    for chapter in range(4):
        for paragraph in range(3):
            for sentence in range(4):
                whole = SENTENCE.format(f"{chapter}{paragraph}{sentence}")
                assert sum(passage.count(whole) for passage in found) == 1


def test_a_sentence_that_must_be_cut_is_overlapped() -> None:
    words = " ".join(f"word{n}" for n in range(400))
    first, second, *_ = chunks(f"{words}.", 200, EMBEDDED)
    last = first.split()[-1]
    assert last in second.split()[:31], "the second begins with the end of the first"
    assert second.split()[0] in first.split()


def test_a_short_document_is_one_passage() -> None:
    assert chunks("# Velmora\n\nAn island.\n", 300, "") == ["# Velmora\n\nAn island."]


FERRIES = (ROOT / "tests/data/documents/ferries.md").read_text()
HEAD = "| Ferry | Built | Seats | Home |\n|---|---|---|---|"


@pytest.mark.parametrize("model", [EMBEDDED, ""])
def test_each_part_of_a_table_begins_with_its_header(model: str) -> None:
    found = chunks(FERRIES, 120, model)
    assert len(found) > 3
    assert all(passage.startswith(f"# Ferries\n\n{HEAD}\n| Ferry") for passage in found)
    rows = [line for passage in found for line in passage.split("\n") if line.startswith("| Ferry")]
    assert [row for row in rows if "Built" not in row] == FERRIES.strip().split("\n")[4:]


def test_text_around_a_table_stays_in_its_place() -> None:
    first, *parts, last = chunks(f"The ferries.\n\n{FERRIES}\nThe end is here.\n", 120, "")
    assert first == "The ferries."
    assert all(HEAD in part for part in parts)
    assert last == "# Ferries\n\nThe end is here."


def test_a_small_table_stays_in_its_section() -> None:
    (passage,) = chunks("# Oru\n\nThe toll:\n\n| Cart | Coins |\n|---|---|\n| small | 1 |\n", 300, "")
    assert passage == "# Oru\n\nThe toll:\n\n| Cart | Coins |\n|---|---|\n| small | 1 |"


def test_a_row_that_is_longer_than_a_passage_is_split() -> None:
    row = "| Oru | " + "many words " * 200 + "|"
    found = chunks(f"| Isle | Text |\n|---|---|\n| Tamm | short |\n{row}\n", 100, "")
    assert found[0] == "| Isle | Text |\n|---|---|\n| Tamm | short |"
    assert all(len(passage) <= 400 for passage in found)


@pytest.mark.parametrize("model", [EMBEDDED, ""])
@pytest.mark.parametrize(
    "sentence",
    [
        "\u0e2a\u0e30\u0e1e\u0e32\u0e19\u0e02\u0e2d\u0e07\u0e42\u0e2d\u0e23\u0e38\u0e2a\u0e23\u0e49\u0e32\u0e07",
        "\u5965\u9c81\u6865\u5efa\u4e8e\u4e00\u4e8c\u3007\u56db\u5e74\u3002",
        "\u30aa\u30eb\u306e\u6a4b\u306f\u9577\u3044\u3002",
        "The bridge of Oru is long. ",
        "\u041c\u043e\u0441\u0442 \u041e\u0440\u0443 \u0434\u043b\u0438\u043d\u043d\u044b\u0439. ",
    ],
    ids=["thai", "chinese", "japanese", "english", "russian"],
)
def test_passages_are_of_about_equal_length_in_any_script(sentence: str, model: str) -> None:
    *found, _ = chunks(sentence * 300, 150, model)
    lengths = sorted(len(passage) for passage in found)
    assert len(found) > 3
    assert lengths[-1] < 1.7 * lengths[0]


def test_code_is_no_heading() -> None:
    found = chunks("# Oru\n\n```\n# update\n```\n\n" + "It is met by the keeper. " * 40, 60, "")
    assert all(passage.startswith("# Oru\n\n") for passage in found)


def test_headings_alone_are_no_passage() -> None:
    assert chunks("# Velmora\n\n## History\n", 300, "") == []


@example(parts=["aaaaaaaaaaaaaaaaa"], size=4)  # one letter longer than a passage
@given(st.lists(st.text(alphabet="ab .\n#", max_size=60), max_size=12), st.integers(4, 40))
def test_every_word_of_any_document_is_in_a_passage(parts: list[str], size: int) -> None:
    text = "\n\n".join(parts)
    found = " ".join(chunks(text, size, "")).split()
    lines = [line for line in text.split("\n") if not line.startswith("#")]
    for word in {word for line in lines for word in line.split() if word.isalpha()}:
        if len(word) <= size * CHARACTERS_A_TOKEN:
            assert word in found
        else:
            assert _in_pieces(word, found), "a word that no passage can hold is cut, and all of it is there"


def _in_pieces(word: str, found: list[str]) -> bool:
    """Whether pieces, each the beginning of what is left, make up the word."""
    left = {word}
    while left and "" not in left:
        left = {rest[len(piece) :] for rest in left for piece in found if rest.startswith(piece)}
    return "" in left
