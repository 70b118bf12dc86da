"""The database: one SQLite file with one connection and one lock."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from localworld.github.schema import SCHEMA
from localworld.tables import create_tables

Row = dict[str, Any]


class Database:
    """A thread-safe SQLite database whose rows are dictionaries.

    Args:
        path: the file; created if missing.

    Raises:
        UserError: another version of the local world wrote the file.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        path.touch(mode=0o600)  # the file holds tokens
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = _as_dict
        self._connection.execute("PRAGMA journal_mode = WAL")
        # A commit survives a crash of this process, not of the machine: no write waits for the disk.
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._path = path
        self.add_tables(SCHEMA)

    def add_tables(self, statements: str) -> None:
        """Create the missing tables; raise UserError as `create_tables` does."""
        with self._lock:
            create_tables(self._connection, statements, self._path)

    def run(self, statement: str, *values: Any) -> int:
        """Run one statement and return the id of the row that it inserted, or 0."""
        with self._lock:
            return self._connection.execute(statement, values).lastrowid or 0

    def all(self, query: str, *values: Any) -> list[Row]:
        """Return all rows of a query."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def one(self, query: str, *values: Any) -> Row | None:
        """Return the first row of a query, or None."""
        with self._lock:
            row: Row | None = self._connection.execute(query, values).fetchone()
            return row

    def count(self, query: str, *values: Any) -> int:
        """Return the first column of a query's first row as a number, or 0 if there is no row."""
        row = self.one(query, *values)
        return int(next(iter(row.values()))) if row else 0

    def insert(self, table: str, **values: Any) -> Row:
        """Insert a row and return it as it is in the table, with its id."""
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        # Table and column names come from this package's code, never from a request.
        row = self.one(f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING *", *values.values())  # noqa: S608
        assert row is not None  # noqa: S101  RETURNING gives the row or raises
        return row

    def update(self, table: str, row_id: int, **values: Any) -> None:
        """Set columns of the row with this id; do nothing if there are no columns."""
        if values:
            assignments = ", ".join(f"{name} = ?" for name in values)
            self.run(f"UPDATE {table} SET {assignments} WHERE id = ?", *values.values(), row_id)  # noqa: S608

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a transaction, while other threads wait. Transactions nest: the outermost one commits."""
        with self._lock:
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._connection.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the database; the object cannot be used afterwards."""
        with self._lock:
            self._connection.close()


def _as_dict(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, values, strict=True)}
