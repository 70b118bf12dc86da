"""Read stored content, from a plain file or from chunks in xorbs."""

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator
from typing import BinaryIO

from localworld.hub.errors import HubError
from localworld.hub.formats import Term
from localworld.hub.storage import Storage
from localworld.hub.xorbs import load_places, read_unpacked

_PIECE = 1 << 20  # bytes read and sent at once
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def read_content(storage: Storage, sha256: str, start: int, end: int) -> Iterator[bytes]:
    """Return the bytes from `start` (inclusive) to `end` (exclusive) of content, in pieces of about 1 MiB."""
    terms = _terms_of(storage, sha256)
    if terms is None:
        try:
            return _read_file(storage.blob_path(sha256).open("rb"), start, end)
        except FileNotFoundError:
            terms = _terms_of(storage, sha256)  # a Xet upload has just moved it to xorbs
            if terms is None:
                raise
    return read_terms(storage, terms, start, end)


def _read_file(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes from `start` (inclusive) to `end` (exclusive) of an open file, then close it."""
    with file:
        file.seek(start)
        while start < end and (piece := file.read(min(_PIECE, end - start))):
            yield piece
            start += len(piece)


def read_terms(storage: Storage, terms: list[Term], start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes from `start` (inclusive) to `end` (exclusive) of the content that terms describe."""
    position = 0
    for term in terms:
        following = position + term.length
        if following > start and position < end:
            with storage.reading() as db:
                places = load_places(db, term.xorb)[term.start : term.end]
            yield from read_unpacked(storage, places, start - position, end - position)
        position = following


def load_terms(db: sqlite3.Connection, file_hash: str) -> list[Term] | None:
    """Return the terms of a Xet file, or None if the file is unknown."""
    row = db.execute("SELECT terms FROM xet_files WHERE hash = ?", (file_hash,)).fetchone()
    return None if row is None else [Term(*values) for values in json.loads(row["terms"])]


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Parse a Range header.

    Args:
        size: size of the content in bytes.

    Returns:
        Start (inclusive) and end (exclusive); None for the whole content.

    Raises:
        HubError: 416, the range is outside of the content.
    """
    match = _RANGE.fullmatch(header.replace(" ", "")) if header else None
    if match is None or match.group() == "bytes=-":
        return None  # as HTTP requires, ignore unsupported headers, such as several ranges
    first, last = match.groups()
    if first:
        start, end = int(first), min(int(last) + 1, size) if last else size
    else:
        start, end = max(size - int(last), 0), size
    if start >= end:
        message = f"the range {header} is outside of the content, which has {size} bytes"
        raise HubError(416, message, headers={"Content-Range": f"bytes */{size}"})
    return start, end


def sha256_of(pieces: Iterator[bytes]) -> str:
    """Return the SHA-256 of concatenated pieces, in hexadecimal."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _terms_of(storage: Storage, sha256: str) -> list[Term] | None:
    with storage.reading() as db:
        row = db.execute("SELECT xet_hash FROM contents WHERE sha256 = ?", (sha256,)).fetchone()
        return load_terms(db, row["xet_hash"]) if row["xet_hash"] else None
