"""Xorbs on disk, with each chunk stored only once.

The chunks of an uploaded xorb that are new are written to a file, its pack; the others are in earlier packs.
The xorb is stored as a list of places in packs, and is read as if it were one file.
"""

import os
import sqlite3
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from localworld.hub.formats import Chunk, FormatError, hash_text, merkle_root, read_xorb, unpack_chunks
from localworld.hub.storage import Storage

_PIECE = 1 << 20  # bytes read at once
_PLACE = struct.Struct("<32s64sIII")


@dataclass(frozen=True)
class Place:
    """The place of a chunk on disk.

    Attributes:
        chunk: hash of the chunk.
        pack: hash of the xorb whose pack has the chunk.
        start: offset of the chunk in the pack, in bytes.
        end: offset of the chunk's end in the pack (exclusive).
        length: number of unpacked bytes.
    """

    chunk: bytes
    pack: str
    start: int
    end: int
    length: int


def store_xorb(storage: Storage, name: str, received: Path) -> bool:
    """Verify a serialized xorb and store its new chunks.

    Args:
        name: hash of the xorb as sent by the client.
        received: the file with the xorb; may be moved away.

    Returns:
        Whether the xorb is new.

    Raises:
        FormatError: the file is not a xorb, or has another hash.
    """
    with storage.reading() as db:
        if load_places(db, name):
            return False
    with received.open("rb") as file:
        chunks = read_xorb(file)
    if hash_text(merkle_root((chunk.hash, chunk.length) for chunk in chunks)) != name:
        raise FormatError(f"the chunks of this xorb do not have the hash {name}")
    with storage.writing() as db:
        new, places = _arrange(db, name, chunks)
        if new:
            if len(new) < len(chunks):
                received = _copy(storage, received, new)
            else:
                os.truncate(received, chunks[-1].end)  # drop the footer, which is redundant
            storage.keep(received, storage.xorb_path(name))
        rows = [
            (place.chunk, name, place.start, place.end, place.length)
            for place in places
            if place.pack == name
        ]
        db.executemany("INSERT OR IGNORE INTO chunks VALUES (?, ?, ?, ?, ?)", rows)
        packed = b"".join(_PLACE.pack(p.chunk, p.pack.encode(), p.start, p.end, p.length) for p in places)
        db.execute("INSERT OR IGNORE INTO xorbs VALUES (?, ?)", (name, packed))
    return True


def load_places(db: sqlite3.Connection, xorb: str) -> list[Place]:
    """Return the places of the chunks of a xorb; empty if the xorb is unknown."""
    row = db.execute("SELECT places FROM xorbs WHERE hash = ?", (xorb,)).fetchone()
    if row is None:
        return []
    values = _PLACE.iter_unpack(row["places"])
    return [Place(chunk, pack.decode(), start, end, length) for chunk, pack, start, end, length in values]


def packed_size(places: list[Place]) -> int:
    """Return the number of packed bytes of a xorb, or of some of its chunks."""
    return sum(place.end - place.start for place in places)


def read_packed(storage: Storage, places: list[Place], start: int, end: int) -> Iterator[bytes]:
    """Yield the packed bytes from `start` (inclusive) to `end` (exclusive) of a xorb."""
    position = 0
    for run in _runs(places):
        size = run[-1].end - run[0].start
        first, last = max(start - position, 0), min(end - position, size)
        if first < last:
            with storage.xorb_path(run[0].pack).open("rb") as file:
                file.seek(run[0].start + first)
                yield file.read(last - first)
        position += size


def read_unpacked(storage: Storage, places: list[Place], start: int, end: int) -> Iterator[bytes]:
    """Yield the unpacked bytes from `start` (inclusive) to `end` (exclusive) of consecutive chunks."""
    wanted: list[Place] = []
    position = offset = 0
    for place in places:
        if position + place.length > start and position < end:
            if not wanted:
                offset = position
            wanted.append(place)
        position += place.length
    for run in _runs(wanted):
        with storage.xorb_path(run[0].pack).open("rb") as file:
            file.seek(run[0].start)
            data = b"".join(unpack_chunks(memoryview(file.read(run[-1].end - run[0].start))))
        yield data[max(start - offset, 0) : max(end - offset, 0)]
        offset += len(data)


def _arrange(db: sqlite3.Connection, name: str, chunks: list[Chunk]) -> tuple[list[Chunk], list[Place]]:
    """Return the new chunks of a xorb, and the places of all its chunks once the new ones are in its pack."""
    new: list[Chunk] = []
    known: dict[bytes, Place] = {}
    size = 0
    for chunk in chunks:
        if chunk.hash in known:
            continue
        row = db.execute("SELECT * FROM chunks WHERE hash = ?", (chunk.hash,)).fetchone()
        if row is None:
            known[chunk.hash] = Place(chunk.hash, name, size, size + chunk.end - chunk.start, chunk.length)
            size += chunk.end - chunk.start
            new.append(chunk)
        else:
            known[chunk.hash] = Place(*row)
    return new, [known[chunk.hash] for chunk in chunks]


def _copy(storage: Storage, received: Path, chunks: list[Chunk]) -> Path:
    pack = storage.temporary()
    with received.open("rb") as source, pack.open("wb") as target:
        for chunk in chunks:
            source.seek(chunk.start)
            target.write(source.read(chunk.end - chunk.start))
    return pack


def _runs(places: list[Place]) -> Iterator[list[Place]]:
    """Group chunks that are adjacent on disk, up to about 1 MiB per group."""
    run: list[Place] = []
    for place in places:
        follows = run and (place.pack, place.start) == (run[-1].pack, run[-1].end)
        if run and (not follows or run[-1].end - run[0].start >= _PIECE):
            yield run
            run = []
        run.append(place)
    if run:
        yield run
