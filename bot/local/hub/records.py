"""Repositories, commits and references as rows; who may see them."""

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.local.hub.auth import require_content_writer
from bot.local.hub.call import Call
from bot.local.hub.errors import no_repository, no_revision

MAIN = "main"
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_FULL_NAMES = {"refs/heads/": "branch", "refs/tags/": "tag"}


@dataclass(frozen=True)
class Repository:
    """One repository; `kind` as in addresses (models, datasets), `name` with its namespace."""

    id: int
    kind: str
    name: str
    private: bool
    created: str

    @property
    def namespace(self) -> str:
        return self.name.split("/")[0]

    @property
    def web_path(self) -> str:
        """Where people find it, below the Hub's address."""
        return self.name if self.kind == "models" else f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class Entry:
    """One file in a tree: its git object id (the pointer's, if it is kept as LFS), size in bytes, SHA-256."""

    oid: str
    size: int
    sha256: str
    lfs: bool


Tree = Mapping[str, Entry]


@dataclass(frozen=True)
class Commit:
    """One commit with its whole tree."""

    oid: str
    parent: str | None
    tree: Tree
    title: str
    message: str
    author: str
    date: str


def now() -> str:
    """The moment as the Hub writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def find_repository(db: sqlite3.Connection, kind: str, name: str) -> Repository | None:
    row = db.execute("SELECT * FROM repositories WHERE kind = ? AND name = ?", (kind, name)).fetchone()
    return None if row is None else _repository(row)


def readable(db: sqlite3.Connection, call: Call) -> Repository:
    """The repository that the address names, if the caller may see it.

    Raises:
        HubError: 401 or 404 with RepoNotFound; a private repository does not even exist for strangers.
    """
    return visible(db, call, call.kind, f"{call.param('namespace')}/{call.param('name')}")


def visible(db: sqlite3.Connection, call: Call, kind: str, name: str) -> Repository:
    """Like `readable`, for a repository that the body names."""
    user = call.user
    repository = find_repository(db, kind, name)
    if repository is None or (repository.private and not (user and user.sees(kind, name))):
        raise no_repository(kind, name, known_user=user is not None)
    return repository


def writable(db: sqlite3.Connection, call: Call) -> Repository:
    """Like `readable`, and the caller may change it.

    Raises:
        HubError: 401 without a token, 403 for a user who may only read.
    """
    repository = readable(db, call)
    require_content_writer(call.user, repository.kind, repository.name)
    return repository


def all_repositories(db: sqlite3.Connection) -> list[Repository]:
    return [_repository(row) for row in db.execute("SELECT * FROM repositories ORDER BY kind DESC, name")]


def references(db: sqlite3.Connection, repository: Repository, kind: str) -> dict[str, str]:
    """The commits of all branches or all tags, by name."""
    rows = db.execute(
        "SELECT name, target FROM refs WHERE repository = ? AND kind = ? ORDER BY name", (repository.id, kind)
    )
    return {row["name"]: row["target"] for row in rows}


def set_reference(
    db: sqlite3.Connection, repository: Repository, kind: str, name: str, target: str, message: str = ""
) -> None:
    row = (repository.id, kind, name, target, message)
    db.execute("INSERT OR REPLACE INTO refs VALUES (?, ?, ?, ?, ?)", row)


def resolve(db: sqlite3.Connection, repository: Repository, revision: str) -> Commit:
    """The commit that a branch, a tag, a full reference, HEAD or a (shortened) commit id names.

    Raises:
        HubError: 404 with RevisionNotFound.
    """
    wanted = MAIN if revision == "HEAD" else revision
    kinds = ["branch", "tag"]
    for prefix, kind in _FULL_NAMES.items():
        if wanted.startswith(prefix):
            wanted, kinds = wanted.removeprefix(prefix), [kind]
    for kind in kinds:
        target = references(db, repository, kind).get(wanted)
        if target is not None:
            return load_commit(db, repository, target)
    if _COMMIT.fullmatch(wanted):
        rows = db.execute(
            "SELECT oid FROM commits WHERE repository = ? AND oid LIKE ? || '%'", (repository.id, wanted)
        ).fetchall()
        if len(rows) == 1:
            return load_commit(db, repository, rows[0]["oid"])
    raise no_revision(revision)


def load_commit(db: sqlite3.Connection, repository: Repository, oid: str) -> Commit:
    row = db.execute(
        "SELECT * FROM commits WHERE repository = ? AND oid = ?", (repository.id, oid)
    ).fetchone()
    tree = {path: Entry(*values) for path, values in json.loads(row["tree"]).items()}
    return Commit(row["oid"], row["parent"], tree, row["title"], row["message"], row["author"], row["date"])


def save_commit(db: sqlite3.Connection, repository: Repository, commit: Commit) -> None:
    entries = sorted(commit.tree.items())
    tree = json.dumps({path: [e.oid, e.size, e.sha256, e.lfs] for path, e in entries})
    row = (commit.oid, commit.parent, tree, commit.title, commit.message, commit.author, commit.date)
    db.execute("INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (repository.id, *row))
    db.executemany(
        "INSERT OR IGNORE INTO repository_contents VALUES (?, ?)",
        [(repository.id, entry.sha256) for _, entry in entries],
    )


def history(db: sqlite3.Connection, repository: Repository, commit: Commit) -> Iterator[Commit]:
    """A commit and all before it, newest first."""
    yield commit
    while commit.parent is not None:
        commit = load_commit(db, repository, commit.parent)
        yield commit


def xet_hashes(db: sqlite3.Connection, tree: Tree) -> dict[str, str]:
    """The Xet hash by SHA-256, of those files in a tree that came through Xet."""
    found = {}
    for entry in tree.values():
        if entry.lfs:
            row = db.execute("SELECT xet_hash FROM contents WHERE sha256 = ?", (entry.sha256,)).fetchone()
            if row is not None and row["xet_hash"]:
                found[entry.sha256] = str(row["xet_hash"])
    return found


def _repository(row: sqlite3.Row) -> Repository:
    return Repository(row["id"], row["kind"], row["name"], bool(row["private"]), row["created"])
