"""Reading stored content, wherever its bytes lie: a plain file, or chunks in xorbs."""

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator
from typing import BinaryIO

from bot.local.hub.errors import HubError
from bot.local.hub.formats import Term
from bot.local.hub.storage import Storage
from bot.local.hub.xorbs import load_places, read_unpacked

_PIECE = 1 << 20  # bytes read and sent at once
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def read_content(storage: Storage, sha256: str, start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` to before `end` of stored content, in pieces of about a megabyte."""
    terms = _terms_of(storage, sha256)
    if terms is None:
        try:
            return _read_file(storage.blob_path(sha256).open("rb"), start, end)
        except FileNotFoundError:
            terms = _terms_of(storage, sha256)  # it came through Xet a moment ago and lies in xorbs now
            if terms is None:
                raise
    return read_terms(storage, terms, start, end)


def _read_file(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` to before `end` of an open file, which is closed at the end."""
    with file:
        file.seek(start)
        while start < end and (piece := file.read(min(_PIECE, end - start))):
            yield piece
            start += len(piece)


def read_terms(storage: Storage, terms: list[Term], start: int, end: int) -> Iterator[bytes]:
    """The same for content that is described by terms."""
    position = 0
    for term in terms:
        following = position + term.length
        if following > start and position < end:
            with storage.reading() as db:
                places = load_places(db, term.xorb)[term.start : term.end]
            yield from read_unpacked(storage, places, start - position, end - position)
        position = following


def load_terms(db: sqlite3.Connection, file_hash: str) -> list[Term] | None:
    """What makes up a file of Xet, or None if the file is not known."""
    row = db.execute("SELECT terms FROM xet_files WHERE hash = ?", (file_hash,)).fetchone()
    return None if row is None else [Term(*values) for values in json.loads(row["terms"])]


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """A Range header as start and end (exclusive); None for the whole.

    Raises:
        HubError: 416, nothing of it lies within the content.
    """
    match = _RANGE.fullmatch(header.replace(" ", "")) if header else None
    if match is None or match.group() == "bytes=-":
        return None  # HTTP: what is not understood is ignored; several ranges at once are not
    first, last = match.groups()
    if first:
        start, end = int(first), min(int(last) + 1, size) if last else size
    else:
        start, end = max(size - int(last), 0), size
    if start >= end:
        message = f"the range {header} is outside of {size} bytes"
        raise HubError(416, message, headers={"Content-Range": f"bytes */{size}"})
    return start, end


def sha256_of(pieces: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _terms_of(storage: Storage, sha256: str) -> list[Term] | None:
    with storage.reading() as db:
        row = db.execute("SELECT xet_hash FROM contents WHERE sha256 = ?", (sha256,)).fetchone()
        return load_terms(db, row["xet_hash"]) if row["xet_hash"] else None
