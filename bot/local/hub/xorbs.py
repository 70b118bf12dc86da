"""Xorbs on disk: of every chunk one copy, whichever xorb it came with.

A xorb that arrives leaves a pack, a file with those of its chunks that are new; all others are found in
earlier packs. The xorb itself is then a list of places, and can be read as if it lay there in one piece.
"""

import os
import sqlite3
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.local.hub.formats import Chunk, FormatError, hash_text, merkle_root, read_xorb, unpack_chunks
from bot.local.hub.storage import Storage

_PIECE = 1 << 20  # bytes read at once
_PLACE = struct.Struct("<32s64sIII")


@dataclass(frozen=True)
class Place:
    """Where a chunk lies: in which pack, from where to where (exclusive), and its unpacked length."""

    chunk: bytes
    pack: str
    start: int
    end: int
    length: int


def store_xorb(storage: Storage, name: str, received: Path) -> bool:
    """Check a serialized xorb and store what is new in it.

    Args:
        name: its hash, as the client claims it.
        received: may be moved away.

    Returns:
        whether this xorb was not known before.

    Raises:
        FormatError: it is no xorb, or not that one.
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
                os.truncate(received, chunks[-1].end)  # a footer says nothing that is not known now
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
    """Where the chunks of a xorb lie; of an unknown one, nothing."""
    row = db.execute("SELECT places FROM xorbs WHERE hash = ?", (xorb,)).fetchone()
    if row is None:
        return []
    values = _PLACE.iter_unpack(row["places"])
    return [Place(chunk, pack.decode(), start, end, length) for chunk, pack, start, end, length in values]


def packed_size(places: list[Place]) -> int:
    """The bytes of a xorb, or of a run of its chunks, as it is sent."""
    return sum(place.end - place.start for place in places)


def read_packed(storage: Storage, places: list[Place], start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` to before `end` of a xorb, as it is sent."""
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
    """The content from `start` to before `end` of some chunks in a row."""
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
    """Which chunks of a xorb are new, and where all of them lie once the new ones are in its pack."""
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
    """Chunks that lie behind one another on disk, joined to about a megabyte."""
    run: list[Place] = []
    for place in places:
        follows = run and (place.pack, place.start) == (run[-1].pack, run[-1].end)
        if run and (not follows or run[-1].end - run[0].start >= _PIECE):
            yield run
            run = []
        run.append(place)
    if run:
        yield run
