"""Routes of git objects and refs."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from localworld.github import pushes, shapes
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.errors import ApiError, invalid, not_found
from localworld.github.git import SHA, ZERO, Git, GitError
from localworld.github.git_names import valid_path, valid_ref
from localworld.github.http import Call

MODES = {"100644": "blob", "100755": "blob", "120000": "blob", "040000": "tree", "160000": "commit"}


def get_blob(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/git/blobs/{sha}"""
    repository = call.repository()
    git, sha = _object(call, repository, "blob")
    data = git.blob(sha)
    if call.accepts("raw"):
        return Response(data, media_type="application/vnd.github.raw; charset=utf-8")
    content = {
        "content": base64.encodebytes(data).decode(),
        "encoding": "base64",
        "size": len(data),
        "node_id": shapes.node_id("B", sha),
    }
    return call.reply({**_short(call, repository, "blobs", sha), **content})


def create_blob(call: Call) -> Response:
    """POST /repos/{owner}/{repo}/git/blobs"""
    repository = _writable(call)
    text = call.optional("Blob", "content")
    if text is None:
        raise invalid("Blob", "content", "missing_field")
    try:
        encoded = call.optional("Blob", "encoding") == "base64"
        data = base64.b64decode(text) if encoded else text.encode()
    except binascii.Error:
        raise invalid("Blob", "content") from None
    return _created(call, _short(call, repository, "blobs", call.git(repository).write_blob(data)))


def get_tree(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/git/trees/{sha}"""
    repository = call.repository()
    git, name = call.git(repository), call.parameter("sha")
    commit = git.resolve(name)
    sha = git.tree_of(commit or name) if commit or SHA.fullmatch(name) else None
    if sha is None:
        raise not_found()
    entries = git.entries(sha, recursive=bool(call.query("recursive")))
    return call.reply(shapes.tree(call.github, repository, sha, entries))


def create_tree(call: Call) -> Response:
    """POST /repos/{owner}/{repo}/git/trees"""
    repository = _writable(call)
    git, base = call.git(repository), call.optional("Tree", "base_tree")
    given = call.fields().get("tree")
    if not isinstance(given, list):
        raise invalid("Tree", "tree", "missing_field")
    base_sha = git.tree_of(base) if base and SHA.fullmatch(base) else None
    if base and base_sha is None:
        raise not_found()
    changes = dict(_change(git, item) for item in given)
    try:
        sha = git.write_tree(base_sha, changes)
    except GitError as error:
        raise ApiError(422, f"tree: {error}") from None
    return _created(call, shapes.tree(call.github, repository, sha, git.entries(sha)))


def _change(git: Git, item: Any) -> tuple[str, tuple[str, str] | None]:
    """Convert an entry of a new tree to its path and (mode, SHA), or None if the entry deletes the path."""
    path, mode = (item.get("path"), item.get("mode", "100644")) if isinstance(item, dict) else (None, None)
    if not isinstance(path, str) or not valid_path(path):
        raise invalid("Tree", "tree.path", message="tree.path contains a malformed path component")
    if mode not in MODES or mode == "040000":
        raise invalid("Tree", "tree.mode")
    if "content" in item:
        return path, (mode, git.write_blob(str(item["content"]).encode()))
    if item.get("sha") is None:
        return path, None
    if git.kind(str(item["sha"])) != MODES[mode]:
        raise invalid("Tree", "tree.sha", message=f"tree.sha {item['sha']} is not a valid {MODES[mode]}")
    return path, (mode, item["sha"])


def get_commit(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/git/commits/{sha}"""
    repository = call.repository()
    git, sha = _object(call, repository, "commit")
    return call.reply(shapes.git_commit(call.github, repository, git.commit(sha)))


def create_commit(call: Call) -> Response:
    """POST /repos/{owner}/{repo}/git/commits"""
    repository = call.repository()
    user = call.require(repository, "write", "contents")
    git, fields = call.git(repository), call.fields()
    message, tree = call.text("Commit", "message"), call.text("Commit", "tree")
    parents = fields.get("parents") or []
    if git.kind(tree) != "tree":
        raise ApiError(422, "Tree SHA does not exist")
    if not isinstance(parents, list) or any(git.kind(str(parent)) != "commit" for parent in parents):
        raise ApiError(422, "Parent SHA does not exist or is not a commit object")
    author = call.person("author", shapes.signature_of(user, now()))
    committer = call.person("committer", author)
    try:
        sha = git.write_commit(tree, parents, message, author, committer)
    except GitError as error:
        raise ApiError(422, str(error)) from None
    return _created(call, shapes.git_commit(call.github, repository, git.commit(sha)))


def get_ref(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/git/ref/{ref}"""
    repository = call.repository()
    name = f"refs/{call.parameter('ref').removeprefix('refs/')}"
    if call.git(repository).ref(name) is None:
        raise not_found()
    return call.reply(_ref(call, repository, name))


def matching_refs(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/git/matching-refs/{ref}: all refs that start with `ref`"""
    repository = call.repository()
    start = f"refs/{call.request.path_params.get('ref', '')}"
    names = [name for name in call.git(repository).refs("refs/") if name.startswith(start)]
    return call.paged(names, lambda name: _ref(call, repository, name))


def create_ref(call: Call) -> Response:
    """POST /repos/{owner}/{repo}/git/refs"""
    repository = _writable(call)
    git, name, sha = call.git(repository), call.text("Reference", "ref"), call.text("Reference", "sha")
    if not name.startswith(("refs/heads/", "refs/tags/")) or not valid_ref(name):
        raise ApiError(422, "Reference name must start with 'refs/heads/' or 'refs/tags/' and be valid")
    kind = git.kind(sha)
    if kind is None or (kind != "commit" and name.startswith("refs/heads/")):
        raise ApiError(422, "Object does not exist")
    pushes.check_workflow_files(call.github, repository, call.caller, sha)
    with call.github.writing:
        try:
            git.set_ref(name, sha, ZERO)
        except GitError:
            raise ApiError(422, "Reference already exists") from None
        pushes.moved(call.github, repository, call.caller, [(name, ZERO, sha)])
    return _created(call, _ref(call, repository, name))


def update_ref(call: Call) -> Response:
    """PATCH /repos/{owner}/{repo}/git/refs/{ref}"""
    repository = _writable(call)
    git, sha = call.git(repository), call.text("Reference", "sha")
    with call.github.writing:
        name, old = _own_ref(call, git)
        if git.kind(sha) is None:
            raise ApiError(422, "Object does not exist")
        if call.fields().get("force") is not True and not git.is_ancestor(old, sha):
            raise ApiError(422, "Update is not a fast forward")
        git.set_ref(name, sha, old)
        pushes.moved(call.github, repository, call.caller, [(name, old, sha)])
    return call.reply(_ref(call, repository, name))


def delete_ref(call: Call) -> Response:
    """DELETE /repos/{owner}/{repo}/git/refs/{ref}"""
    repository = _writable(call)
    git = call.git(repository)
    with call.github.writing:
        name, old = _own_ref(call, git)
        if name == f"refs/heads/{repository['default_branch']}":
            raise ApiError(422, "Cannot delete the default branch")
        git.delete_ref(name)
        pushes.moved(call.github, repository, call.caller, [(name, old, ZERO)])
    return Response(status_code=204)


def _own_ref(call: Call, git: Git) -> tuple[str, str]:
    """Return the branch or tag in the path and its SHA; raise 422 if it does not exist."""
    name = f"refs/{call.parameter('ref').removeprefix('refs/')}"
    old = git.ref(name) if name.startswith(("refs/heads/", "refs/tags/")) else None
    if old is None:
        raise ApiError(422, "Reference does not exist")
    return name, old


def get_tag(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/git/tags/{sha}"""
    repository = call.repository()
    git, sha = _object(call, repository, "tag")
    return call.reply(_tag(call, repository, git, sha))


def create_tag(call: Call) -> Response:
    """POST /repos/{owner}/{repo}/git/tags"""
    repository = call.repository()
    user = call.require(repository, "write", "contents")
    git = call.git(repository)
    name, message, sha = (call.text("Tag", field) for field in ("tag", "message", "object"))
    kind = git.kind(sha)
    if kind is None or not valid_ref(f"refs/tags/{name}"):
        raise invalid("Tag", "object" if kind is None else "tag")
    who = call.person("tagger", shapes.signature_of(user, now()))
    ident = git.text(
        "var",
        "GIT_COMMITTER_IDENT",
        env={
            "GIT_COMMITTER_NAME": who.name,
            "GIT_COMMITTER_EMAIL": who.email,
            "GIT_COMMITTER_DATE": who.date,
        },
    )
    text = f"object {sha}\ntype {kind}\ntag {name}\ntagger {ident}\n\n{message}\n"
    return _created(call, _tag(call, repository, git, git.text("mktag", stdin=text.encode())))


def _tag(call: Call, repository: Row, git: Git, sha: str) -> dict[str, Any]:
    """Return the schema git-tag."""
    head, _, message = git.run("cat-file", "tag", sha).decode(errors="replace").partition("\n\n")
    lines = dict(line.split(" ", 1) for line in head.splitlines())
    name, _, rest = lines["tagger"].rpartition(" <")
    email, _, moment = rest.partition("> ")
    date = datetime.fromtimestamp(int(moment.split()[0]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    target = {"sha": lines["object"], "type": lines["type"]}
    target["url"] = _short(call, repository, f"{lines['type']}s", lines["object"])["url"]
    return {
        **_short(call, repository, "tags", sha),
        "node_id": shapes.node_id("TA", sha),
        "tag": lines["tag"],
        "message": message.rstrip("\n"),
        "tagger": {"name": name, "email": email, "date": date},
        "object": target,
    }


def _writable(call: Call) -> Row:
    """Return the repository in the path; raise unless the caller may write its contents."""
    repository = call.repository()
    call.require(repository, "write", "contents")
    return repository


def _object(call: Call, repository: Row, kind: str) -> tuple[Git, str]:
    """Return a `Git` object and the SHA in the path; raise 404 if it is not an object of this type."""
    git, sha = call.git(repository), call.parameter("sha")
    if git.kind(sha) != kind:
        raise not_found()
    return git, sha


def _short(call: Call, repository: Row, area: str, sha: str) -> dict[str, Any]:
    return {"sha": sha, "url": f"{shapes.repository_url(call.github, repository)}/git/{area}/{sha}"}


def _ref(call: Call, repository: Row, name: str) -> dict[str, Any]:
    git = call.git(repository)
    sha = git.ref(name) or ZERO
    return shapes.ref(call.github, repository, name, sha, git.kind(sha) or "commit")


def _created(call: Call, content: dict[str, Any]) -> Response:
    return call.reply(content, 201, {"Location": content["url"]})


_GIT = "/repos/{owner}/{repo}/git"
TABLE = (
    ("POST", f"{_GIT}/blobs", create_blob),
    ("GET", f"{_GIT}/blobs/{{sha}}", get_blob),
    ("POST", f"{_GIT}/trees", create_tree),
    ("GET", f"{_GIT}/trees/{{sha:path}}", get_tree),
    ("POST", f"{_GIT}/commits", create_commit),
    ("GET", f"{_GIT}/commits/{{sha}}", get_commit),
    ("GET", f"{_GIT}/ref/{{ref:path}}", get_ref),
    ("GET", f"{_GIT}/matching-refs/{{ref:path}}", matching_refs),
    ("GET", f"{_GIT}/refs", matching_refs),
    ("POST", f"{_GIT}/refs", create_ref),
    ("PATCH", f"{_GIT}/refs/{{ref:path}}", update_ref),
    ("DELETE", f"{_GIT}/refs/{{ref:path}}", delete_ref),
    ("POST", f"{_GIT}/tags", create_tag),
    ("GET", f"{_GIT}/tags/{{sha}}", get_tag),
)
