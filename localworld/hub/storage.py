"""The Hub's data on disk: one SQLite file, plain files named by SHA-256, xorbs named by their Xet hash.

Incomplete data is never visible: files are written to a temporary folder and renamed, and their records are
added in one transaction afterwards.
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

from localworld.tables import create_tables

# Trees, terms and claims are JSON, as they are written once, read whole and never searched.
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
CREATE TABLE IF NOT EXISTS collections (
    slug TEXT PRIMARY KEY, owner TEXT NOT NULL, title TEXT NOT NULL, description TEXT NOT NULL,
    private INTEGER NOT NULL, updated TEXT NOT NULL, UNIQUE (owner, title));
CREATE TABLE IF NOT EXISTS collection_items (
    id INTEGER PRIMARY KEY AUTOINCREMENT, collection TEXT NOT NULL REFERENCES collections ON DELETE CASCADE,
    repository INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE, note TEXT NOT NULL,
    UNIQUE (collection, repository));
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
    """The Hub's data in a folder; thread-safe, but for one server at a time.

    Args:
        root: the folder; created if missing.

    Raises:
        UserError: another version of the local world wrote the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.incoming = root / "incoming"
        for folder in (root / "blobs", root / "xorbs"):
            folder.mkdir(parents=True, exist_ok=True)
        # Files that are left here are incomplete uploads of a server that was killed.
        shutil.rmtree(self.incoming, ignore_errors=True)
        self.incoming.mkdir()
        with closing(self._connect()) as db:
            db.execute("PRAGMA journal_mode = WAL")
            create_tables(db, _SCHEMA, root / "hub.sqlite3")
        self.secret = self._secret()
        self.name = hashlib.sha256(self.secret).hexdigest()[:16]

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open a connection for reading, with a consistent view of the records."""
        with closing(self._connect()) as db:
            db.execute("BEGIN")
            yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open a connection for an exclusive write transaction, which an exception rolls back."""
        with closing(self._connect()) as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")

    def blob_path(self, sha256: str) -> Path:
        """Return the path of a plain file by its SHA-256."""
        return self.root / "blobs" / sha256[:2] / sha256

    def xorb_path(self, xorb_hash: str) -> Path:
        """Return the path of the pack of a xorb by the xorb's hash."""
        return self.root / "xorbs" / xorb_hash[:2] / xorb_hash

    def temporary(self) -> Path:
        """Create an empty file on the same disk, which the caller moves with `keep` or deletes."""
        handle, name = tempfile.mkstemp(dir=self.incoming)
        os.close(handle)
        return Path(name)

    def keep(self, received: Path, final: Path) -> None:
        """Move a complete file to its final path."""
        final.parent.mkdir(exist_ok=True)
        received.replace(final)

    def add_blob(self, content: bytes) -> str:
        """Store small content, unless it is stored already, and return its SHA-256."""
        sha256 = hashlib.sha256(content).hexdigest()
        with self.reading() as db:
            if content_size(db, sha256) is not None:
                return sha256
        received = self.temporary()
        received.write_bytes(content)
        self.add_blob_file(received, sha256)
        return sha256

    def add_blob_file(self, received: Path, sha256: str) -> None:
        """Store a file whose SHA-256 was verified: move it, or delete it if the content is stored already."""
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
    """Return the size in bytes of stored content, or None if it is not stored."""
    row = db.execute("SELECT size FROM contents WHERE sha256 = ?", (sha256,)).fetchone()
    return None if row is None else int(row["size"])
