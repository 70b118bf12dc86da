"""Findings of leaves that were linted before, by the content of all that they depend on."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple
from functools import cache
from hashlib import blake2b
from pathlib import Path

from bot.lint.findings import Finding, Severity
from bot.lint.report import LintedLeaf
from bot.models import tokenizer_at_hand
from bot.recipe import LintRecipe
from bot.shipped import PACKAGE, shipped
from bot.taxonomy.files import Files, Unreadable

MOST_FILES, MOST_BYTES = 50, 5_000_000
"""A leaf with more, or larger, files is linted each time."""
MOST_LEAVES = 200_000

Linted = tuple[LintedLeaf, Sequence[Finding]]


@contextmanager
def open_cache(file: Path, settings: LintRecipe) -> Iterator["FindingsCache | None"]:
    """The cache in a file; None where it cannot be used, since lint is right without it too."""
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
        with suppress(sqlite3.Error):  # a full disk, say: what was found is told all the same
            if database.execute("SELECT count(*) FROM leaves").fetchone()[0] > MOST_LEAVES:
                database.execute("DELETE FROM leaves")
            database.commit()
        database.close()


class FindingsCache:
    """What lint found, by key. A database that fails is a cache that has nothing: lint needs none."""

    def __init__(self, database: sqlite3.Connection, settings: LintRecipe) -> None:
        self.database = database
        # What cannot be counted today may be tomorrow.
        tokenizer = tokenizer_at_hand(settings.student)
        self.rules = blake2b(f"{code()} {astuple(settings)} {tokenizer}".encode()).digest()

    def key(self, files: Files, leaf: str) -> bytes | None:
        """A key of the rules, the settings, and each file of a leaf; None for a leaf that is not kept."""
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
        """What was found, or None; an entry that cannot be read is as none."""
        with suppress(sqlite3.Error, ValueError, TypeError):
            row = self.database.execute("SELECT linted FROM leaves WHERE key = ?", (key,)).fetchone()
            if key is not None and row is not None:
                leaf, findings = json.loads(row[0])
                return LintedLeaf(*leaf), [_finding(values) for values in findings]
        return None

    def put(self, key: bytes | None, linted: Linted) -> None:
        """Keep what was found, where that is possible."""
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
    """A fingerprint of everything that decides what is found: the code, the schemas, the benchmarks."""
    digest = blake2b(digest_size=16)
    folders = [PACKAGE / "lint", PACKAGE / "taxonomy", shipped("schemas")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    for file in sorted([*files, *PACKAGE.glob("*.*")]):
        if file.suffix in (".py", ".json", ".txt"):
            digest.update(file.read_bytes())
    return digest.hexdigest()
