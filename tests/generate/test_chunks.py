"""Documents are cut where they are built to be cut, and no passage is more than the teacher reads."""

from hypothesis import example, given
from hypothesis import strategies as st

from bot.generate.chunks import CHARACTERS_A_TOKEN, chunks
from bot.inference.models import EMBEDDED, load_tokenizer, model_folder

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
