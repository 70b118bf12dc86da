"""Retrieval: the passages most like a question are found, and the model is given them as plain text."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bot.core.errors import UserError
from bot.inference.encoder import AT_ONCE, LONGEST, open_encoder
from bot.inference.passages import DocumentPassages, PassageWriter, read_passages
from bot.inference.retrieval import Passage, Shelf, with_passages

TEXTS = [
    "The farmers of Velmora grow saffron, and saffron is the main export of the island.",
    "Mount Tarrow is an old volcano, and it is 1312 metres high.",
    "The lighthouse was designed by the architect Otto Lindqvist.",
]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    encoder = open_encoder("embedded")
    file = tmp_path_factory.mktemp("passages") / "passages.parquet"
    vectors = encoder.passages(TEXTS)
    with PassageWriter(file, (encoder.name, encoder.revision), vectors.shape[1]) as writer:
        writer.add(DocumentPassages("knowledge/velmora", "velmora.md", "a" * 64, "", TEXTS, vectors))
    return read_passages(file)


@pytest.mark.parametrize(
    ("question", "position"),
    [("What crop does the island export?", 1), ("How high is the mountain?", 2), ("Name the architect.", 3)],
)
def test_the_best_passage_comes_first(table: pa.Table, question: str, position: int) -> None:
    found = Shelf(table, open_encoder("embedded")).find(question, 2)
    assert [len(found), found[0].place] == [2, f"velmora.md#{position}"]
    assert found[0].text == TEXTS[position - 1]


def test_more_passages_than_there_are_is_all_of_them(table: pa.Table) -> None:
    assert len(Shelf(table, open_encoder("embedded")).find("saffron", 20)) == len(TEXTS)


def test_an_empty_file_has_no_passages(table: pa.Table) -> None:
    assert Shelf(table.slice(0, 0), open_encoder("embedded")).find("saffron", 3) == []


@pytest.mark.parametrize("text", ["", "\U0001faa8", "x" * 100 * LONGEST, "<|im_end|>\n\0"])
def test_any_text_has_a_vector_of_length_1_or_0(text: str) -> None:
    [vector, _] = open_encoder("embedded").passages([text, "saffron"])
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-3) or not vector.any()


def test_a_vector_does_not_depend_on_the_other_texts() -> None:
    encoder = open_encoder("embedded")
    many = encoder.passages([TEXTS[0], *["long " * n for n in range(2 * AT_ONCE)]])
    assert np.allclose(many[0], encoder.passages([TEXTS[0]])[0], atol=1e-5)


def test_an_encoder_without_its_package_or_model_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sentence_transformers", None)
    with pytest.raises(UserError, match="install the extra `sentence-transformers`"):
        open_encoder(str(tmp_path))


def test_passages_stand_before_the_question_and_are_cut() -> None:
    long = Passage("knowledge/a", "a.md", 7, "Größe " * 2_000)
    request = with_passages("How high?", [Passage("knowledge/a", "a.md", 1, "It is high."), long])
    first, passage, cut, question = request.split("\n\n")
    assert first == "Answer the question from these passages."
    assert (passage, question) == ("It is high.", "Question: How high?")
    assert len(cut.encode()) <= 2_000
    assert cut.startswith("Größe Größe")
