"""Repositories, commits and references in the database, and who may see them."""

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from localworld.hub.auth import require_content_writer
from localworld.hub.call import Call
from localworld.hub.errors import no_repository, no_revision

MAIN = "main"
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_FULL_NAMES = {"refs/heads/": "branch", "refs/tags/": "tag"}


@dataclass(frozen=True)
class Repository:
    """A repository; `kind` is `models` or `datasets`, `name` includes the namespace."""

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
        """The path of the repository's web page."""
        return self.name if self.kind == "models" else f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class Entry:
    """A file in a tree.

    Attributes:
        oid: git object id; that of the pointer for an LFS file.
        size: size of the content in bytes.
        sha256: SHA-256 of the content.
    """

    oid: str
    size: int
    sha256: str
    lfs: bool


Tree = Mapping[str, Entry]


@dataclass(frozen=True)
class Commit:
    """A commit with its whole tree."""

    oid: str
    parent: str | None
    tree: Tree
    title: str
    message: str
    author: str
    date: str


def now() -> str:
    """Return the current time in the Hub's format: ISO 8601 in UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def find_repository(db: sqlite3.Connection, kind: str, name: str) -> Repository | None:
    """Find a repository by kind and full name, or None."""
    row = db.execute("SELECT * FROM repositories WHERE kind = ? AND name = ?", (kind, name)).fetchone()
    return None if row is None else _repository(row)


def readable(db: sqlite3.Connection, call: Call) -> Repository:
    """Return the repository in the path.

    Raises:
        HubError: 401 or 404 with RepoNotFound: the repository does not exist, or the user may not see it.
    """
    return visible(db, call, call.kind, f"{call.param('namespace')}/{call.param('name')}")


def visible(db: sqlite3.Connection, call: Call, kind: str, name: str) -> Repository:
    """Return a repository by kind and full name; raise like `readable`."""
    user = call.user
    repository = find_repository(db, kind, name)
    if repository is None or (repository.private and not (user and user.sees(kind, name))):
        raise no_repository(kind, name, known_user=user is not None)
    return repository


def writable(db: sqlite3.Connection, call: Call) -> Repository:
    """Return the repository in the path for a user who may change its content.

    Raises:
        HubError: like `readable`; also 401 without a token, and 403 for a user without write permission.
    """
    repository = readable(db, call)
    require_content_writer(call.user, repository.kind, repository.name)
    return repository


def all_repositories(db: sqlite3.Connection) -> list[Repository]:
    """Return all repositories, models first."""
    return [_repository(row) for row in db.execute("SELECT * FROM repositories ORDER BY kind DESC, name")]


def references(db: sqlite3.Connection, repository: Repository, kind: str) -> dict[str, str]:
    """Return a mapping from name to commit id of all branches or tags; `kind` is `branch` or `tag`."""
    rows = db.execute(
        "SELECT name, target FROM refs WHERE repository = ? AND kind = ? ORDER BY name", (repository.id, kind)
    )
    return {row["name"]: row["target"] for row in rows}


def set_reference(
    db: sqlite3.Connection, repository: Repository, kind: str, name: str, target: str, message: str = ""
) -> None:
    """Create or update a branch or tag; `kind` is `branch` or `tag`."""
    row = (repository.id, kind, name, target, message)
    db.execute("INSERT OR REPLACE INTO refs VALUES (?, ?, ?, ?, ?)", row)


def resolve(db: sqlite3.Connection, repository: Repository, revision: str) -> Commit:
    """Return the commit that a branch, a tag, a full reference, HEAD or a (short) commit id names.

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
    """Read a commit that exists."""
    row = db.execute(
        "SELECT * FROM commits WHERE repository = ? AND oid = ?", (repository.id, oid)
    ).fetchone()
    tree = {path: Entry(*values) for path, values in json.loads(row["tree"]).items()}
    return Commit(row["oid"], row["parent"], tree, row["title"], row["message"], row["author"], row["date"])


def save_commit(db: sqlite3.Connection, repository: Repository, commit: Commit) -> None:
    """Store a commit, and the contents of its files as part of the repository."""
    entries = sorted(commit.tree.items())
    tree = json.dumps({path: [e.oid, e.size, e.sha256, e.lfs] for path, e in entries})
    row = (commit.oid, commit.parent, tree, commit.title, commit.message, commit.author, commit.date)
    db.execute("INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (repository.id, *row))
    db.executemany(
        "INSERT OR IGNORE INTO repository_contents VALUES (?, ?)",
        [(repository.id, entry.sha256) for _, entry in entries],
    )


def history(db: sqlite3.Connection, repository: Repository, commit: Commit) -> Iterator[Commit]:
    """Yield a commit and all of its ancestors, newest first."""
    yield commit
    while commit.parent is not None:
        commit = load_commit(db, repository, commit.parent)
        yield commit


def xet_hashes(db: sqlite3.Connection, tree: Tree) -> dict[str, str]:
    """Return a mapping from SHA-256 to Xet hash of the files in a tree that were uploaded through Xet."""
    found = {}
    for entry in tree.values():
        if entry.lfs:
            row = db.execute("SELECT xet_hash FROM contents WHERE sha256 = ?", (entry.sha256,)).fetchone()
            if row is not None and row["xet_hash"]:
                found[entry.sha256] = str(row["xet_hash"])
    return found


def _repository(row: sqlite3.Row) -> Repository:
    return Repository(row["id"], row["kind"], row["name"], bool(row["private"]), row["created"])
