"""The database: one SQLite file, one connection, one lock."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.local.github.schema import SCHEMA

Row = dict[str, Any]


class Database:
    """A thread-safe SQLite database whose rows are dictionaries.

    Args:
        path: the file; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        path.touch(mode=0o600)  # there are tokens in it
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = _as_dict
        self._connection.execute("PRAGMA journal_mode = WAL")
        # A commit survives the end of this process, if not that of the machine; nothing waits for the disk.
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self.script(SCHEMA)

    def script(self, statements: str) -> None:
        """Run several statements, such as `CREATE TABLE IF NOT EXISTS`."""
        with self._lock:
            self._connection.executescript(statements)

    def run(self, statement: str, *values: Any) -> int:
        """Run one statement; returns the id of the row that it inserted, if it did."""
        with self._lock:
            return self._connection.execute(statement, values).lastrowid or 0

    def all(self, query: str, *values: Any) -> list[Row]:
        """All rows of a query."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def one(self, query: str, *values: Any) -> Row | None:
        """The first row of a query, or None."""
        with self._lock:
            row: Row | None = self._connection.execute(query, values).fetchone()
            return row

    def count(self, query: str, *values: Any) -> int:
        """The first column of a query's only row, a number."""
        row = self.one(query, *values)
        return int(next(iter(row.values()))) if row else 0

    def insert(self, table: str, **values: Any) -> Row:
        """Insert a row; returns it as it is now in the table, with its id."""
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        # Table and column names come from this package's code, never from a request.
        row = self.one(f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING *", *values.values())  # noqa: S608
        assert row is not None  # noqa: S101  RETURNING gives the row or raises
        return row

    def update(self, table: str, row_id: int, **values: Any) -> None:
        """Set columns of the row with this id; nothing happens where there is nothing to set."""
        if values:
            assignments = ", ".join(f"{name} = ?" for name in values)
            self.run(f"UPDATE {table} SET {assignments} WHERE id = ?", *values.values(), row_id)  # noqa: S608

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; other threads wait. Transactions nest: the outermost one commits."""
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
        """Close the file; the object is of no use afterwards."""
        with self._lock:
            self._connection.close()


def _as_dict(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, values, strict=True)}
