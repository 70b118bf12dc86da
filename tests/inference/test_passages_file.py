"""The file of passages: what is written is read again, and a file of anybody else is checked."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from bot.core.errors import UserError
from bot.inference.encoder import open_encoder
from bot.inference.passages import (
    DocumentPassages,
    PassageWriter,
    check_encoder,
    encoder_of,
    read_passages,
)

TEXTS = ["The Corvane clock has a face of green slate.", "Saffron is the main export of Velmora."]
ENCODER = ("embedded", "a" * 32)


def write(file: Path, encoder: tuple[str, str] = ENCODER) -> Path:
    vectors = np.eye(2, 4, dtype=np.float32)
    with PassageWriter(file, encoder, 4) as writer:
        writer.add(DocumentPassages("knowledge/a", "a.md", "b" * 64, "MIT", TEXTS, vectors))
        writer.add(DocumentPassages("knowledge/b", "b.md", "c" * 64, "", TEXTS[:1], vectors[:1]))
    return file


def test_each_row_says_where_its_passage_is(tmp_path: Path) -> None:
    table = read_passages(write(tmp_path / "retrieval/passages.parquet"))
    assert table.drop_columns("vector").to_pylist()[1:] == [
        {
            "leaf": "knowledge/a",
            "document": "a.md",
            "revision": "b" * 64,
            "position": 2,
            "licence": "MIT",
            "passage": TEXTS[1],
        },
        {
            "leaf": "knowledge/b",
            "document": "b.md",
            "revision": "c" * 64,
            "position": 1,
            "licence": "",
            "passage": TEXTS[0],
        },
    ]
    assert encoder_of(table) == ENCODER
    assert table.schema.field("vector").type == pa.list_(pa.float32(), 4)


def test_only_the_encoder_that_made_the_vectors_searches_them(tmp_path: Path) -> None:
    table = read_passages(write(tmp_path / "own.parquet", ("org/encoder@v1", "d" * 40)))
    with pytest.raises(UserError) as found:
        check_encoder(table, open_encoder("embedded"), "own.parquet")
    assert "of the encoder 'org/encoder@v1' ('dddddddddddd')" in str(found.value)
    assert "retrieval.encoder is 'embedded'" in str(found.value)


def _changed(file: Path, change: Callable[[pa.Table], pa.Table], *, dictionary: bool = False) -> None:
    table = parquet.read_table(file)
    parquet.write_table(change(table), file, use_dictionary=dictionary)


def _column(name: str, values: pa.Array) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(table.schema.get_field_index(name), name, values)


def _vectors(*rows: list[float]) -> Callable[[pa.Table], pa.Table]:
    return _column("vector", pa.array(rows, pa.list_(pa.float32(), 4)))


HOSTILE: dict[str, Callable[[Path], object]] = {
    "is not|not a parquet|magic": lambda file: file.write_bytes(b"PAR1 no Parquet"),
    "is not": lambda file: file.write_bytes(file.read_bytes()[:-40]),
    "must have the columns leaf, document, revision": lambda file: _changed(
        file, lambda table: table.drop_columns("position")
    ),
    "must have the columns .*, vector": lambda file: _changed(
        file, _column("vector", pa.array([[1.0]] * 3, pa.list_(pa.float32())))
    ),
    "must have the columns .*, passage": lambda file: _changed(
        file, _column("passage", pa.array([b"\xff"] * 3, pa.binary()))
    ),
    "plain encoding": lambda file: _changed(file, lambda table: table, dictionary=True),
    "must name encoder and encoder_revision": lambda file: _changed(
        file, lambda table: table.replace_schema_metadata({"encoder": "embedded"})
    ),
    "another length than 1": lambda file: _changed(file, _vectors([1, 0, 0, 0], [3, 0, 0, 0], [1, 0, 0, 0])),
    "a vector has another length": lambda file: _changed(
        file, _vectors([1, 0, 0, 0], [float("nan"), 0, 0, 0], [1, 0, 0, 0])
    ),
    "Invalid UTF8": lambda file: _changed(
        file, _column("document", pa.array([b"a", b"\xff", b"b"], pa.binary()).view(pa.string()))
    ),
    "a value is missing": lambda file: _changed(file, _column("passage", pa.array(["a", None, "b"]))),
    "a passage has more than 1000000 characters": lambda file: _changed(
        file, _column("passage", pa.array(["a", "x" * 1_000_001, "b"]))
    ),
}


@pytest.mark.parametrize("reason", HOSTILE)
def test_what_is_wrong_with_a_file_is_one_line(tmp_path: Path, reason: str) -> None:
    file = write(tmp_path / "passages.parquet")
    HOSTILE[reason](file)
    with pytest.raises(UserError, match=reason) as found:
        read_passages(file)
    assert "\n" not in str(found.value)
    assert str(found.value).endswith("restore the file of the release")
