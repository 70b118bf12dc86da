"""The file of passages: the documents' passages with their vectors, as a release carries them (Parquet).

Its metadata names the encoder and its revision, since only the same encoder can search it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
from pyarrow import parquet

from bot.core.errors import UserError
from bot.inference.encoder import Encoder

if TYPE_CHECKING:
    import numpy as np

LARGEST = 2_000_000_000
"""Maximum size of the file in bytes, and of its content without compression."""
LONGEST_PASSAGE = 1_000_000
"""Maximum number of characters of a passage."""
MOST_DIMENSIONS = 8_192
ROWS = 1_024
"""Number of rows that are read at once."""
_ENCODER, _REVISION = b"encoder", b"encoder_revision"
_TEXTS = ("leaf", "document", "revision", "licence", "passage")


@dataclass(frozen=True)
class DocumentPassages:
    """The passages of one document.

    Attributes:
        leaf: path of the leaf.
        document: the document's name.
        revision: the commit of the repository that the document is from, else the SHA-256 of its text.
        licence: the licences of the leaf's works.
        texts: the passages; their positions are their numbers, from 1.
        vectors: one row for each passage.
    """

    leaf: str
    document: str
    revision: str
    licence: str
    texts: Sequence[str]
    vectors: "np.ndarray[Any, Any]"


class PassageWriter:
    """A context manager that writes a file of passages, one document at a time.

    Args:
        encoder: the name and the revision of what made the vectors.
        dimensions: the length of the vectors.
    """

    def __init__(self, target: Path, encoder: tuple[str, str], dimensions: int) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        metadata = dict(zip((_ENCODER, _REVISION), (text.encode() for text in encoder), strict=True))
        self._schema = _schema(dimensions).with_metadata(metadata)
        # Plain encoding, so that the size without compression is that in memory; `read_passages` checks it.
        self._writer = parquet.ParquetWriter(target, self._schema, compression="zstd", use_dictionary=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def add(self, made: DocumentPassages) -> None:
        """Append the passages of a document."""
        count, width = made.vectors.shape
        columns = [
            *([getattr(made, name)] * count for name in _TEXTS[:3]),
            list(range(1, count + 1)),
            [made.licence] * count,
            list(made.texts),
            pa.FixedSizeListArray.from_arrays(pa.array(made.vectors.ravel(), pa.float32()), width),
        ]
        names = self._schema.names
        self._writer.write_table(pa.table(dict(zip(names, columns, strict=True)), schema=self._schema))


def _schema(dimensions: int) -> pa.Schema:
    text = pa.string()
    return pa.schema(
        [
            *((name, text) for name in _TEXTS[:3]),
            ("position", pa.int32()),
            *((name, text) for name in _TEXTS[3:]),
            ("vector", pa.list_(pa.float32(), dimensions)),
        ]
    )


def read_passages(file: Path) -> pa.Table:
    """Read a file of passages of unknown origin; its schema's metadata has the encoder.

    Raises:
        UserError: it is not such a file, or it is too large.
    """
    try:
        if file.stat().st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST // 1_000_000} MB")
        with parquet.ParquetFile(file) as opened:
            schema = _checked(opened)
            table = pa.Table.from_batches(list(_batches(opened)), schema=schema)
    except (ValueError, OSError, pa.ArrowException) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UserError(
            f"{file} is not a file of passages: {reason}; restore the file of the release", code=1
        ) from None
    return table


def encoder_of(table: pa.Table) -> tuple[str, str]:
    """Return the name and the revision of the encoder that made a table's vectors."""
    found = table.schema.metadata
    return found[_ENCODER].decode(), found[_REVISION].decode()


def check_encoder(table: pa.Table, encoder: Encoder, where: str) -> None:
    """Check that an encoder can search a table.

    Raises:
        UserError: another encoder made the table's vectors.
    """
    name, revision = encoder_of(table)
    if (name, revision) != (encoder.name, encoder.revision):
        raise UserError(
            f"{where}: its vectors are of the encoder {name[:200]!r} ({revision[:12]!r}), and the recipe's "
            f"retrieval.encoder is {encoder.name!r} ({encoder.revision[:12]!r}); name the same in the recipe"
        )


def _checked(opened: parquet.ParquetFile) -> pa.Schema:
    """Return the schema of a file of passages.

    Raises:
        ValueError: the file has another schema, or could become too large in memory.
    """
    found, facts = opened.schema_arrow, opened.metadata
    vector = found.field("vector").type if found.names.count("vector") == 1 else None
    width = vector.list_size if isinstance(vector, pa.FixedSizeListType) else 0
    if not 0 < width <= MOST_DIMENSIONS or not found.equals(_schema(width)):
        raise ValueError(f"it must have the columns {', '.join(_schema(1).names)}")
    stated = [(found.metadata or {}).get(name) for name in (_ENCODER, _REVISION)]
    if any(value is None or not value.decode().isprintable() for value in stated):
        raise ValueError("its metadata must name encoder and encoder_revision")
    groups = [facts.row_group(number) for number in range(facts.num_row_groups)]
    parts = [group.column(number) for group in groups for number in range(group.num_columns)]
    if any(set(part.encodings) - {"PLAIN", "RLE"} for part in parts):
        raise ValueError("its columns must have plain encoding")
    if sum(part.total_uncompressed_size for part in parts) > LARGEST:
        raise ValueError(f"it has more than {LARGEST // 1_000_000} MB without compression")
    return found


def _batches(opened: parquet.ParquetFile) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file.

    Raises:
        ValueError: a value is missing or not UTF-8, a passage is too long, a vector has another length than 1
            or 0, or the file is larger than it states.
    """
    import numpy as np

    size = 0
    for batch in opened.iter_batches(ROWS, use_threads=False):
        size += batch.nbytes
        if size > LARGEST:
            raise ValueError(f"it has more than {LARGEST // 1_000_000} MB without compression")
        batch.validate(full=True)  # for example that texts are UTF-8
        if any(column.null_count for column in batch.columns):
            raise ValueError("a value is missing")
        if max(map(len, batch.column("passage").to_pylist()), default=0) > LONGEST_PASSAGE:
            raise ValueError(f"a passage has more than {LONGEST_PASSAGE} characters")
        lengths = np.linalg.norm(np.stack(batch.column("vector").to_numpy(zero_copy_only=False)), axis=1)
        if not np.all((np.abs(lengths - 1) < 0.01) | (lengths == 0)):
            raise ValueError("a vector has another length than 1")
        yield batch
