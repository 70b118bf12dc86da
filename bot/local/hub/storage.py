"""The Hub's data on disk: one SQLite file, plain files by SHA-256, xorbs by their own hash.

Nothing is visible before it is whole: bytes are written beside and renamed, records appear in one
transaction after the bytes they speak of.
"""

import hashlib
import os
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

# trees, terms and claims are JSON: they are written once, read whole, and never searched.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS repositories (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL,
    private INTEGER NOT NULL, created TEXT NOT NULL, UNIQUE (kind, name));
CREATE TABLE IF NOT EXISTS commits (
    repository INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE, oid TEXT NOT NULL, parent TEXT,
    tree TEXT NOT NULL, title TEXT NOT NULL, message TEXT NOT NULL, author TEXT NOT NULL, date TEXT NOT NULL,
    PRIMARY KEY (repository, oid));
CREATE TABLE IF NOT EXISTS refs (
    repository INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('branch', 'tag')), name TEXT NOT NULL, target TEXT NOT NULL,
    message TEXT NOT NULL DEFAULT '', PRIMARY KEY (repository, kind, name));
CREATE TABLE IF NOT EXISTS publishers (
    repository INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE, issuer TEXT NOT NULL,
    claims TEXT NOT NULL, PRIMARY KEY (repository, issuer, claims));
CREATE TABLE IF NOT EXISTS xorbs (hash TEXT PRIMARY KEY, places BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS chunks (
    hash BLOB PRIMARY KEY, pack TEXT NOT NULL, "start" INTEGER NOT NULL, "end" INTEGER NOT NULL,
    length INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS xet_files (
    hash TEXT PRIMARY KEY, sha256 TEXT NOT NULL, size INTEGER NOT NULL, terms TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS contents (
    sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL, xet_hash TEXT REFERENCES xet_files);
CREATE TABLE IF NOT EXISTS repository_contents (
    repository INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE, sha256 TEXT NOT NULL,
    PRIMARY KEY (repository, sha256)) WITHOUT ROWID;
"""


class Storage:
    """What is under one root folder; safe to use from many threads, by one server at a time.

    Args:
        root: made if it is not there.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.incoming = root / "incoming"
        for folder in (root / "blobs", root / "xorbs"):
            folder.mkdir(parents=True, exist_ok=True)
        # Whatever lies here is what a server that was killed had not finished.
        shutil.rmtree(self.incoming, ignore_errors=True)
        self.incoming.mkdir()
        with closing(self._connect()) as db:
            db.executescript("PRAGMA journal_mode = WAL;" + _SCHEMA)
        self.secret = self._secret()
        self.name = hashlib.sha256(self.secret).hexdigest()[:16]

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A consistent view of the records."""
        with closing(self._connect()) as db:
            db.execute("BEGIN")
            yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction, alone; an exception undoes it."""
        with closing(self._connect()) as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")

    def blob_path(self, sha256: str) -> Path:
        return self.root / "blobs" / sha256[:2] / sha256

    def xorb_path(self, xorb_hash: str) -> Path:
        return self.root / "xorbs" / xorb_hash[:2] / xorb_hash

    def temporary(self) -> Path:
        """A new empty file on the same disk, to be kept with `keep` or deleted by the caller."""
        handle, name = tempfile.mkstemp(dir=self.incoming)
        os.close(handle)
        return Path(name)

    def keep(self, received: Path, final: Path) -> None:
        """Make a whole file visible under its lasting name."""
        final.parent.mkdir(exist_ok=True)
        received.replace(final)

    def add_blob(self, content: bytes) -> str:
        """Store small content unless it is there already; returns its SHA-256."""
        sha256 = hashlib.sha256(content).hexdigest()
        with self.reading() as db:
            if content_size(db, sha256) is not None:
                return sha256
        received = self.temporary()
        received.write_bytes(content)
        self.add_blob_file(received, sha256)
        return sha256

    def add_blob_file(self, received: Path, sha256: str) -> None:
        """Store a received file whose SHA-256 was checked: renamed, or deleted if the content is known."""
        with self.writing() as db:
            if content_size(db, sha256) is not None:
                received.unlink()
                return
            size = received.stat().st_size
            self.keep(received, self.blob_path(sha256))
            db.execute("INSERT INTO contents VALUES (?, ?, NULL)", (sha256, size))

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.root / "hub.sqlite3", timeout=30, isolation_level=None)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA synchronous = NORMAL")
        return db

    def _secret(self) -> bytes:
        path = self.root / "secret"
        if not path.exists():
            received = self.temporary()  # mkstemp: readable by the owner only
            received.write_bytes(secrets.token_bytes(32))
            received.replace(path)
        return path.read_bytes()


def content_size(db: sqlite3.Connection, sha256: str) -> int | None:
    """The size in bytes of stored content, or None if it is not stored."""
    row = db.execute("SELECT size FROM contents WHERE sha256 = ?", (sha256,)).fetchone()
    return None if row is None else int(row["size"])
