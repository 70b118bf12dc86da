"""Parquet files of samples, written and read in row groups, so that a mixture need not fit into memory."""

import io
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, overload

import pyarrow as pa
from pyarrow import parquet

from bot.core.sample import Sample
from bot.core.store import Entry

FILE = "samples.parquet"
ROWS = 1_024
"""Number of samples in a row group, the unit of reading."""
_TURN = pa.struct([("role", pa.string()), ("content", pa.string())])
SCHEMA = pa.schema(
    [
        ("leaf", pa.string()),
        ("kind", pa.string()),
        ("messages", pa.list_(_TURN)),
        ("context", pa.string()),
        ("source", pa.string()),
    ]
)


class SampleWriter:
    """A context manager that writes samples to a Parquet file, one row group at a time."""

    def __init__(self, target: Path | io.BytesIO) -> None:
        self._writer = parquet.ParquetWriter(target, SCHEMA, compression="zstd")
        self._rows: list[Sample] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._rows:
            self._flush()
        self._writer.close()

    def add(self, sample: Sample) -> None:
        """Append one sample."""
        self._rows.append(sample)
        if len(self._rows) == ROWS:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_table(_table(self._rows))
        self._rows = []


def _table(samples: Sequence[Sample]) -> pa.Table:
    offsets, roles, contents = [0], [], []
    for sample in samples:
        for role, content in sample.messages:
            roles.append(role)
            contents.append(content)
        offsets.append(len(roles))
    turns = pa.StructArray.from_arrays(
        [pa.array(roles, pa.string()), pa.array(contents, pa.string())], fields=list(_TURN)
    )
    columns: list[Any] = [
        pa.array([sample.leaf for sample in samples]),
        pa.array([sample.kind for sample in samples]),
        pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), turns),
        pa.array([sample.context for sample in samples], pa.string()),
        pa.array([sample.source for sample in samples]),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def samples_to_bytes(samples: Sequence[Sample]) -> bytes:
    """Return the contents of a Parquet file with the samples."""
    target = io.BytesIO()
    with SampleWriter(target) as writer:
        for sample in samples:
            writer.add(sample)
    return target.getvalue()


def _samples(batch: pa.Table | pa.RecordBatch) -> Iterator[Sample]:
    turns = batch.column("messages")
    if isinstance(turns, pa.ChunkedArray):
        turns = turns.combine_chunks()
    roles = turns.flatten().field("role").to_pylist()
    contents = turns.flatten().field("content").to_pylist()
    pairs = list(zip(roles, contents, strict=True))
    offsets = turns.offsets.to_pylist()
    first = offsets[0]
    plain = [batch.column(name).to_pylist() for name in ("leaf", "kind", "context", "source")]
    for place, (leaf, kind, context, source) in enumerate(zip(*plain, strict=True)):
        messages = tuple(pairs[offsets[place] - first : offsets[place + 1] - first])
        yield Sample(leaf, kind, messages, context, source)


T = TypeVar("T")


class Chosen(Sequence[T]):
    """A lazy view of selected samples: the result of a function for each of them.

    Iterating over the view iterates once over all samples.

    Args:
        samples: the samples to select from.
        places: indices of the selected samples, in ascending order.
        take: the function that is applied to each selected sample.
    """

    def __init__(self, samples: Sequence[Sample], places: Sequence[int], take: Callable[[Sample], T]) -> None:
        self._samples, self._places, self._take = samples, places, take

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[T]:
        wanted = iter(self._places)
        place = next(wanted, None)
        for number, sample in enumerate(self._samples if place is not None else ()):
            if number == place:
                yield self._take(sample)
                place = next(wanted, None)

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...
    def __getitem__(self, place: int | slice) -> T | list[T]:
        if isinstance(place, slice):
            return [self[index] for index in range(*place.indices(len(self)))]
        return self._take(self._samples[self._places[place]])


class StoredSamples(Sequence[Sample]):
    """The samples of a store entry, read lazily from its Parquet file.

    Iteration keeps one row group in memory. Indexing reads the sample's row group and caches the last one.
    """

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self._group: tuple[int, list[Sample]] = (-1, [])

    @cached_property
    def _file(self) -> Path:
        return self.entry.checked_file(FILE)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredSamples) and self.entry == other.entry

    def __hash__(self) -> int:
        return hash(self.entry.key)

    def __len__(self) -> int:
        return int(self.entry.facts["samples"])

    def __iter__(self) -> Iterator[Sample]:
        with parquet.ParquetFile(self._file) as file:
            for group in range(file.num_row_groups):
                yield from _samples(file.read_row_group(group, use_threads=False))

    @overload
    def __getitem__(self, place: int) -> Sample: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Sample, ...]: ...
    def __getitem__(self, place: int | slice) -> Sample | tuple[Sample, ...]:
        if isinstance(place, slice):
            return tuple(self[index] for index in range(*place.indices(len(self))))
        index = place + len(self) if place < 0 else place
        if not 0 <= index < len(self):
            raise IndexError(f"sample {place} of {len(self)}")
        # Every row group except the last has ROWS samples.
        if self._group[0] != index // ROWS:
            with parquet.ParquetFile(self._file) as file:
                self._group = (index // ROWS, list(_samples(file.read_row_group(index // ROWS))))
        return self._group[1][index % ROWS]
