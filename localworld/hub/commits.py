"""Commits: the preupload check, the commit itself, and the list of commits."""

import base64
import binascii
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse, Response

from localworld.hub.call import Call
from localworld.hub.errors import HubError, no_revision
from localworld.hub.records import (
    MAIN,
    Commit,
    Entry,
    Repository,
    load_commit,
    now,
    readable,
    references,
    resolve,
    save_commit,
    set_reference,
    writable,
)
from localworld.hub.storage import Storage, content_size

COMMIT_LIMIT = 1 << 30  # bytes of a commit request's body, which does not contain LFS files
_REGULAR_LIMIT = 10 << 20  # bytes; a larger file is an LFS file, whatever its type
# Extensions of files that are LFS files whatever their size, listed in .gitattributes of new repositories.
_LARGE = frozenset({
    "7z", "arrow", "bin", "ckpt", "ftz", "gguf", "gz", "h5", "joblib", "model", "msgpack", "npy",
    "npz", "onnx", "parquet", "pb", "pickle", "pkl", "pt", "pth", "safetensors", "tar", "tflite",
    "tgz", "wasm", "xz", "zip", "zst",
})  # fmt: skip
_ATTRIBUTES = "".join(f"*.{ending} filter=lfs diff=lfs merge=lfs -text\n" for ending in sorted(_LARGE))
_COMMITS_PER_PAGE = 50
_HISTORY = """
WITH RECURSIVE line (id, title, message, author, date, parent, repository) AS (
    SELECT oid, title, message, author, date, parent, repository FROM commits WHERE oid = ? AND repository = ?
    UNION ALL
    SELECT c.oid, c.title, c.message, c.author, c.date, c.parent, c.repository FROM commits AS c
    JOIN line ON c.oid = line.parent AND c.repository = line.repository)
SELECT id, title, message, author, date FROM line LIMIT ? OFFSET ?
"""


def preupload(call: Call) -> Response:
    """Return for each file whether to upload it in the commit or through LFS, and its current id."""
    with call.hub.storage.reading() as db:
        repository = writable(db, call)
        tree = resolve(db, repository, call.param("revision")).tree
    files = call.json().get("files")
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        raise HubError(400, "the body must have the field 'files', a list of objects")
    return JSONResponse({"files": [_upload_mode(file, tree.get(str(file.get("path")))) for file in files]})


def commit(call: Call) -> Response:
    """Create a commit on a branch, with all of its operations or none of them.

    Raises:
        HubError: 400, an operation is invalid; 404, the branch or a file to delete does not exist; 412, the
            head of the branch is not the request's parentCommit.
    """
    if call.flag("create_pr"):
        raise HubError(400, "this Hub has no pull requests; commit to a branch")
    storage = call.hub.storage
    header, operations = _read_operations(storage, call.received())
    branch = call.param("revision").removeprefix("refs/heads/")
    with storage.writing() as db:
        repository = writable(db, call)
        target = references(db, repository, "branch").get(branch)
        if target is None:
            raise no_revision(branch)
        expected = header.get("parentCommit")
        if expected and not (len(expected) >= 7 and target.startswith(expected)):
            message = f"A commit has happened since. Please refresh and try again. The head is {target}"
            raise HubError(412, message)
        tree = dict(load_commit(db, repository, target).tree)
        for operation in operations:
            _apply(tree, *operation)
        author = call.user.name if call.user else ""
        words = str(header.get("summary") or ""), str(header.get("description") or "")
        made = _made(repository, target, tree, words, author)
        save_commit(db, repository, made)
        set_reference(db, repository, "branch", branch, made.oid)
    url = f"{call.hub.base_url}/{repository.web_path}/commit/{made.oid}"
    return JSONResponse({"success": True, "commitOid": made.oid, "commitUrl": url, "hookOutput": ""})


def commits(call: Call) -> Response:
    """Return one page of the commits of a revision, newest first."""
    start = call.request.query_params.get("p", "0")
    page = int(start) if start.isdecimal() else 0
    with call.hub.storage.reading() as db:
        repository = readable(db, call)
        head = resolve(db, repository, call.param("revision"))
        rows = db.execute(
            _HISTORY, (head.oid, repository.id, _COMMITS_PER_PAGE + 1, page * _COMMITS_PER_PAGE)
        )
        found = [{**row, "authors": [{"user": row["author"]}]} for row in map(dict, rows)]
    headers = {}
    if len(found) > _COMMITS_PER_PAGE:
        following = call.request.url.include_query_params(p=page + 1)
        headers["Link"] = f'<{call.hub.base_url}{following.path}?{following.query}>; rel="next"'
    return JSONResponse(found[:_COMMITS_PER_PAGE], headers=headers)


def admit_commit(call: Call) -> None:
    """Raise HubError unless the user may write to the repository."""
    with call.hub.storage.reading() as db:
        writable(db, call)


def first_commit(db: sqlite3.Connection, repository: Repository, attributes: Entry, author: str) -> None:
    """Create the branch main of a new repository, with only .gitattributes in it as on the real Hub."""
    made = _made(repository, None, {".gitattributes": attributes}, ("initial commit", ""), author)
    save_commit(db, repository, made)
    set_reference(db, repository, "branch", MAIN, made.oid)


def default_attributes(storage: Storage) -> Entry:
    """Store the .gitattributes of new repositories and return its entry."""
    return _store_regular(storage, _ATTRIBUTES.encode())


def git_blob_oid(content: bytes) -> str:
    """Return the SHA-1 of a git blob with this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def lfs_pointer(sha256: str, size: int) -> bytes:
    """Return the Git LFS pointer file, which git stores in place of an LFS file."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def _upload_mode(file: dict[str, Any], present: Entry | None) -> dict[str, object]:
    path, size, sample = file.get("path"), file.get("size"), file.get("sample")
    if not isinstance(path, str) or not isinstance(size, int) or not isinstance(sample, str):
        raise HubError(400, "each file must have a path, a size and a sample")
    binary = b"\0" in _decoded(sample)
    named = path.rpartition(".")[2] in _LARGE
    large = named or binary or size > _REGULAR_LIMIT
    # The client compares the SHA-256 of LFS files and the git blob id of others, and skips equal files.
    oid = None if present is None or present.lfs != large else present.sha256 if large else present.oid
    return {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False, "oid": oid}


Operation = tuple[str, str, Entry | None]  # action, path, entry to add (None to delete)


def _read_operations(storage: Storage, body: Path) -> tuple[dict[str, Any], list[Operation]]:
    """Read the header and the operations of a commit request, and store the content of its regular files."""
    header: dict[str, Any] = {}
    operations: list[Operation] = []
    for key, value in _lines(body):
        if key == "header":
            header = value
            continue
        path = _checked_path(value.get("path"))
        if key == "file":
            operations.append(("add", path, _store_regular(storage, _decoded(value.get("content")))))
        elif key == "lfsFile":
            operations.append(("add", path, _large_entry(storage, value)))
        elif key in ("deletedFile", "deletedFolder"):
            operations.append((key, path, None))
        else:
            raise HubError(400, f"unknown commit operation '{key}'")
    if not isinstance(header.get("parentCommit") or "", str):
        raise HubError(400, "parentCommit must be a commit id")
    return header, operations


def _lines(body: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with body.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                item = json.loads(line)
                key, value = item["key"], item["value"]
            except (ValueError, KeyError, TypeError, RecursionError):
                key = value = None
            if not isinstance(key, str) or not isinstance(value, dict):
                raise HubError(400, f"line {number} of the commit must be a JSON object with key and value")
            yield key, value


def _apply(tree: dict[str, Entry], action: str, path: str, entry: Entry | None) -> None:
    if entry is not None:
        parts = path.split("/")
        folders = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
        if any(folder in tree for folder in folders) or any(name.startswith(path + "/") for name in tree):
            raise HubError(400, f"{path}: a path cannot be both a file and a folder")
        tree[path] = entry
        return
    gone = [path] if action == "deletedFile" else [name for name in tree if name.startswith(path + "/")]
    if not gone or any(name not in tree for name in gone):
        raise HubError(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
    for name in gone:
        del tree[name]


def _store_regular(storage: Storage, content: bytes) -> Entry:
    return Entry(git_blob_oid(content), len(content), storage.add_blob(content), lfs=False)


def _large_entry(storage: Storage, value: dict[str, Any]) -> Entry:
    sha256 = value.get("oid")
    with storage.reading() as db:
        size = content_size(db, str(sha256))
    if size is None or value.get("algo") != "sha256":
        raise HubError(400, f"the LFS file {sha256} was not uploaded before the commit")
    if value.get("size", size) != size:
        raise HubError(400, f"the LFS file {sha256} has {size} bytes, but the commit lists {value['size']}")
    return Entry(git_blob_oid(lfs_pointer(str(sha256), size)), size, str(sha256), lfs=True)


def _made(
    repository: Repository, parent: str | None, tree: dict[str, Entry], words: tuple[str, str], author: str
) -> Commit:
    """Create a commit whose id is the SHA-1 of its content and metadata."""
    title, message = words
    date = now()
    content = [
        repository.id,
        parent,
        sorted((p, e.oid) for p, e in tree.items()),
        title,
        message,
        author,
        date,
    ]
    oid = hashlib.sha1(json.dumps(content).encode(), usedforsecurity=False).hexdigest()
    return Commit(oid, parent, tree, title, message, author, date)


def _checked_path(path: object) -> str:
    text = path.rstrip("/") if isinstance(path, str) else ""
    parts = text.split("/")
    if not all(parts) or {".", "..", ".git"} & set(parts) or any(ord(c) < 32 for c in text):
        raise HubError(400, f"'{path}' is not a valid path in a repository")
    return text


def _decoded(content: object) -> bytes:
    try:
        return base64.b64decode(content if isinstance(content, str) else "", validate=True)
    except binascii.Error as error:
        raise HubError(400, f"the content of a file is not valid base64: {error}") from None
