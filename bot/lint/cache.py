"""A cache of lint findings per leaf, keyed by the content of everything that the findings depend on."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple
from functools import cache
from hashlib import blake2b
from pathlib import Path

from bot.config.recipe import LintRecipe
from bot.core.package_files import PACKAGE, shipped
from bot.inference.models import tokenizer_at_hand
from bot.lint.findings import Finding, Severity
from bot.lint.report import LintedLeaf
from bot.taxonomy.files import Files, Unreadable

MOST_FILES, MOST_BYTES = 50, 5_000_000
"""Limits for a cached leaf: number of files, and bytes per file. Larger leaves are linted on every run."""
MOST_LEAVES = 200_000

Linted = tuple[LintedLeaf, Sequence[Finding]]


@contextmanager
def open_cache(file: Path, settings: LintRecipe) -> Iterator["FindingsCache | None"]:
    """Open the cache in a SQLite file; yield None if that fails, because lint also works without a cache."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(file, timeout=2)
        database.execute(
            "CREATE TABLE IF NOT EXISTS leaves (key BLOB PRIMARY KEY, linted TEXT) WITHOUT ROWID"
        )
    except (OSError, sqlite3.Error):
        yield None
        return
    try:
        yield FindingsCache(database, settings)
    finally:
        with suppress(sqlite3.Error):  # for example, a full disk: the findings are reported all the same
            if database.execute("SELECT count(*) FROM leaves").fetchone()[0] > MOST_LEAVES:
                database.execute("DELETE FROM leaves")
            database.commit()
        database.close()


class FindingsCache:
    """Lint results by key. Database errors are ignored: the cache then acts as if it were empty."""

    def __init__(self, database: sqlite3.Connection, settings: LintRecipe) -> None:
        self.database = database
        # The findings of `too-many-tokens` depend on whether the tokenizer is available.
        tokenizer = tokenizer_at_hand(settings.student)
        self.rules = blake2b(f"{code()} {astuple(settings)} {tokenizer}".encode()).digest()

    def key(self, files: Files, leaf: str) -> bytes | None:
        """Return a hash of the rules, the settings, and the leaf's files; None if the leaf is not cached."""
        names = files.below(leaf)
        if len(names) > MOST_FILES:
            return None
        digest = blake2b(self.rules, digest_size=32)
        digest.update(json.dumps([files.prefix, leaf]).encode())
        for name in names:
            entry = files.entries[f"{leaf}/{name}"]
            try:
                content = files.read(entry.path, MOST_BYTES)
            except Unreadable:
                return None
            digest.update(json.dumps([name, entry.kind, len(content)]).encode())
            digest.update(content)
        return digest.digest()

    def get(self, key: bytes | None) -> Linted | None:
        """Return a leaf's cached result; None if there is none or it cannot be read."""
        with suppress(sqlite3.Error, ValueError, TypeError):
            row = self.database.execute("SELECT linted FROM leaves WHERE key = ?", (key,)).fetchone()
            if key is not None and row is not None:
                leaf, findings = json.loads(row[0])
                return LintedLeaf(*leaf), [_finding(values) for values in findings]
        return None

    def put(self, key: bytes | None, linted: Linted) -> None:
        """Store a leaf's result; do nothing if the key is None or the database fails."""
        leaf, findings = linted
        text = json.dumps([astuple(leaf), [astuple(finding) for finding in findings]])
        with suppress(sqlite3.Error):
            if key is not None:
                self.database.execute("INSERT OR REPLACE INTO leaves VALUES (?, ?)", (key, text))


def _finding(values: Sequence[object]) -> Finding:
    path, line, column, rule, severity, *rest = values
    return Finding(path, line, column, rule, Severity(severity), *rest)  # type: ignore[arg-type]


@cache
def code() -> str:
    """Return a hash of everything shipped that affects findings: code, schemas and benchmark hashes."""
    digest = blake2b(digest_size=16)
    parts = ("lint", "taxonomy", "config", "text", "core")
    folders = [*(PACKAGE / part for part in parts), shipped("schemas")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    for file in sorted(files):
        if file.suffix in (".py", ".json", ".txt"):
            digest.update(file.read_bytes())
    return digest.hexdigest()
