"""Routes that read, write and delete files; writes are commits on a branch."""

import base64
import binascii

from starlette.responses import Response

from localworld.github import pushes, shapes
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.errors import ApiError, invalid, not_found
from localworld.github.git import ZERO, GitError, TreeEntry
from localworld.github.git_names import valid_path
from localworld.github.http import Call

READMES = ("README.md", "README", "README.rst", "README.txt", "readme.md")
BLOB_LIMIT = 100 * 1024 * 1024  # bytes


def get(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/contents/{path}"""
    repository = call.repository()
    ref, sha = _commit(call, repository)
    path = call.request.path_params.get("path", "").strip("/")
    git = call.git(repository)
    if not path:
        return _folder(call, repository, ref, git.entries(sha))
    if not valid_path(path):
        raise not_found()
    entry = git.entry(sha, path)
    if entry is None:
        raise not_found()
    if entry.kind == "tree":
        return _folder(call, repository, ref, git.entries(sha, path=f"{path}/"))
    return _file(call, repository, ref, entry)


def readme(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/readme"""
    repository = call.repository()
    ref, sha = _commit(call, repository)
    entries = {entry.path: entry for entry in call.git(repository).entries(sha) if entry.kind == "blob"}
    for name in READMES:
        if name in entries:
            return _file(call, repository, ref, entries[name])
    raise not_found()


def _commit(call: Call, repository: Row) -> tuple[str, str]:
    """Return the requested ref and its commit; raise 404 if there is none."""
    ref = call.query("ref") or repository["default_branch"]
    sha = call.git(repository).resolve(ref)
    if sha is None:
        empty = not call.git(repository).refs("refs/heads/")
        raise ApiError(404, "This repository is empty." if empty else f"No commit found for the ref {ref}")
    return ref, sha


def _folder(call: Call, repository: Row, ref: str, entries: list[TreeEntry]) -> Response:
    return call.reply([shapes.content(call.github, repository, ref, entry) for entry in entries])


def _file(call: Call, repository: Row, ref: str, entry: TreeEntry) -> Response:
    if entry.kind != "blob" or (entry.size or 0) > BLOB_LIMIT:
        raise ApiError(403, "This API returns blobs up to 100 MB in size.")
    data = call.git(repository).blob(entry.sha)
    if call.accepts("raw"):
        return Response(data, media_type="application/vnd.github.raw; charset=utf-8")
    return call.reply(shapes.content_file(call.github, repository, ref, entry, data))


def put(call: Call) -> Response:
    """PUT /repos/{owner}/{repo}/contents/{path}"""
    text = call.text("Commit", "content") if call.fields().get("content") else ""
    try:
        data = base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError):
        raise ApiError(422, "content is not valid Base64") from None
    return _write(call, data)


def delete(call: Call) -> Response:
    """DELETE /repos/{owner}/{repo}/contents/{path}"""
    return _write(call, None)


def _write(call: Call, data: bytes | None) -> Response:
    """Commit the new content of a file, or its deletion if `data` is None, to a branch."""
    repository = call.repository()
    user = call.require(repository, "write", "contents")
    git = call.git(repository)
    message, path = call.text("Commit", "message"), call.parameter("path").strip("/")
    branch = call.optional("Commit", "branch") or repository["default_branch"]
    if not valid_path(path):
        raise invalid("Commit", "path", message="path contains a malformed path component")
    with call.github.writing:
        tip = git.branch(branch)
        if tip is None and git.refs("refs/heads/"):
            raise ApiError(404, f"Branch {branch} not found")
        _check_blob(call, git.entry(tip, path) if tip else None, new=data is not None)
        change = ("100644", git.write_blob(data)) if data is not None else None
        try:
            tree = git.write_tree(tip, {path: change})
        except GitError as error:
            raise ApiError(422, f"{path}: {error}") from None
        author = shapes.signature_of(user, now())
        commit = git.write_commit(
            tree,
            [tip] if tip else [],
            message,
            call.person("author", author),
            call.person("committer", author),
        )
        git.set_ref(f"refs/heads/{branch}", commit, tip or ZERO)
        pushes.moved(call.github, repository, call.caller, [(f"refs/heads/{branch}", tip or ZERO, commit)])
    entry = git.entry(commit, path)
    content = {
        "content": shapes.content(call.github, repository, branch, entry) if entry else None,
        "commit": shapes.git_commit(call.github, repository, git.commit(commit)),
    }
    return call.reply(content, 200 if data is None or call.fields().get("sha") else 201)


def _check_blob(call: Call, entry: TreeEntry | None, *, new: bool) -> None:
    """Raise unless the request has the SHA of the current blob, so that no other change is overwritten."""
    sha = call.optional("Commit", "sha")
    if entry is None:
        if not new:
            raise not_found()
        return
    if sha is None:
        raise ApiError(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if sha != entry.sha:
        raise ApiError(409, f"{entry.path} does not match {sha}")


TABLE = (
    ("GET", "/repos/{owner}/{repo}/readme", readme),
    ("GET", "/repos/{owner}/{repo}/contents", get),
    ("GET", "/repos/{owner}/{repo}/contents/{path:path}", get),
    ("PUT", "/repos/{owner}/{repo}/contents/{path:path}", put),
    ("DELETE", "/repos/{owner}/{repo}/contents/{path:path}", delete),
)
