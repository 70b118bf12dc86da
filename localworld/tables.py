"""SQLite tables of the local world, with a check that this version created them."""

import sqlite3
from contextlib import closing
from pathlib import Path

from bot.core.errors import UserError


def create_tables(connection: sqlite3.Connection, statements: str, file: Path) -> None:
    """Create the tables that do not exist yet.

    Args:
        statements: `CREATE TABLE IF NOT EXISTS …;` for each table.
        file: the path of the database, for the error message.

    Raises:
        UserError: a table exists with other columns, so another version of the local world created it.
    """
    with closing(sqlite3.connect(":memory:")) as empty:
        empty.executescript(statements)
        wanted = dict(_tables(empty))
    present = dict(_tables(connection))
    for name, statement in wanted.items():
        if present.get(name, statement) != statement:
            raise UserError(
                f"{file}: another version of Arborist created this database (its table {name!r} has other "
                "columns); delete the folder of this local world or choose another with --data"
            )
    connection.executescript(statements)


def _tables(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return the name and the CREATE statement of each table."""
    cursor = connection.cursor()
    cursor.row_factory = None
    return cursor.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
