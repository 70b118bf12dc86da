"""Routes of releases."""

from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from localworld.github import pushes, shapes
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.emit_event import emit_event
from localworld.github.errors import invalid, not_found
from localworld.github.git import ZERO
from localworld.github.git_names import valid_ref
from localworld.github.http import Call


def list_releases(call: Call) -> Response:
    """GET …/releases, newest first"""
    repository = call.repository()
    rows = _rows(call, repository)
    return call.paged(rows, lambda row: _shape(call, repository, row))


def latest(call: Call) -> Response:
    """GET …/releases/latest"""
    repository = call.repository()
    rows = [row for row in _rows(call, repository) if not row["draft"] and not row["prerelease"]]
    if not rows:
        raise not_found()
    return call.reply(_shape(call, repository, rows[0]))


def by_tag(call: Call) -> Response:
    """GET …/releases/tags/{tag}"""
    repository = call.repository()
    for row in _rows(call, repository):
        if row["tag_name"] == call.parameter("tag") and not row["draft"]:
            return call.reply(_shape(call, repository, row))
    raise not_found()


def get(call: Call) -> Response:
    """GET …/releases/{id}"""
    repository, row = _release(call)
    return call.reply(_shape(call, repository, row))


def create(call: Call) -> Response:
    """POST …/releases; creates the tag if it does not exist, unless the release is a draft"""
    repository = call.repository()
    user = call.require(repository, "write", "contents")
    fields, git = call.fields(), call.git(repository)
    tag = call.text("Release", "tag_name")
    target = call.optional("Release", "target_commitish") or repository["default_branch"]
    if not valid_ref(f"refs/tags/{tag}"):
        raise invalid("Release", "tag_name")
    if any(row["tag_name"] == tag and not row["draft"] for row in _rows(call, repository)):
        raise invalid("Release", "tag_name", "already_exists")
    draft = fields.get("draft") is True
    if not draft and git.ref(f"refs/tags/{tag}") is None:
        sha = git.resolve(target)
        if sha is None:
            raise invalid("Release", "target_commitish")
        pushes.check_workflow_files(call.github, repository, call.caller, sha)
        with call.github.writing:
            git.set_ref(f"refs/tags/{tag}", sha, ZERO)
            pushes.moved(call.github, repository, call.caller, [(f"refs/tags/{tag}", ZERO, sha)])
    row = call.github.db.insert(
        "releases",
        repository_id=repository["id"],
        tag_name=tag,
        target_commitish=target,
        name=call.optional("Release", "name"),
        body=call.optional("Release", "body"),
        draft=int(draft),
        prerelease=int(fields.get("prerelease") is True),
        user_id=user["id"],
        created_at=now(),
        published_at=None if draft else now(),
    )
    if not draft:
        _tell(call, repository, row)
    shape = _shape(call, repository, row)
    return call.reply(shape, 201, {"Location": shape["url"]})


def _tell(call: Call, repository: Row, row: Row) -> None:
    ref = f"refs/tags/{row['tag_name']}"
    sha = call.git(repository).resolve(ref)
    payload = {"release": _shape(call, repository, row)}
    for action in ("created", "published", "released"):
        emit_event(call.github, "release", action, repository, call.caller, payload, sha=sha, ref=ref)


def update(call: Call) -> Response:
    """PATCH …/releases/{id}: name and body"""
    repository, row = _release(call)
    call.require(repository, "write", "contents")
    values = {name: call.optional("Release", name) for name in ("name", "body") if name in call.fields()}
    call.github.db.update("releases", row["id"], **values)
    return call.reply(_shape(call, repository, _release(call)[1]))


def delete(call: Call) -> Response:
    """DELETE …/releases/{id}; the tag stays"""
    repository, row = _release(call)
    call.require(repository, "write", "contents")
    call.github.db.run("DELETE FROM releases WHERE id = ?", row["id"])
    return Response(status_code=204)


def assets(call: Call) -> Response:
    """GET …/releases/{id}/assets: always empty, as assets are not supported"""
    _release(call)
    return call.reply([])


def _rows(call: Call, repository: Row) -> list[Row]:
    return call.github.db.all(
        "SELECT * FROM releases WHERE repository_id = ? ORDER BY id DESC", repository["id"]
    )


def _release(call: Call) -> tuple[Row, Row]:
    repository = call.repository()
    row = call.github.db.one(
        "SELECT * FROM releases WHERE id = ? AND repository_id = ?", call.number("id"), repository["id"]
    )
    if row is None:
        raise not_found()
    return repository, row


def _shape(call: Call, repository: Row, row: Row) -> dict[str, Any]:
    """Return the schema release."""
    api = shapes.repository_url(call.github, repository)
    url, tag = f"{api}/releases/{row['id']}", quote(row["tag_name"])
    path = f"/repos/{repository['full_name']}/releases/{row['id']}"
    return {
        "id": row["id"],
        "node_id": shapes.node_id("RE", row["id"]),
        "url": url,
        "html_url": f"{shapes.web_url(call.github, repository)}/releases/tag/{tag}",
        "assets_url": f"{url}/assets",
        "upload_url": f"{call.github.base_url}/api/uploads{path}/assets{{?name,label}}",
        "tarball_url": f"{api}/tarball/{tag}",
        "zipball_url": f"{api}/zipball/{tag}",
        **{
            name: row[name] for name in ("tag_name", "target_commitish", "name", "created_at", "published_at")
        },
        "body": row["body"] or "",
        "draft": bool(row["draft"]),
        "prerelease": bool(row["prerelease"]),
        "author": shapes.simple_user(call.github, call.github.user_by_id(row["user_id"])),
        "assets": [],
    }


_RELEASES = "/repos/{owner}/{repo}/releases"
TABLE = (
    ("GET", _RELEASES, list_releases),
    ("POST", _RELEASES, create),
    ("GET", f"{_RELEASES}/latest", latest),
    ("GET", f"{_RELEASES}/tags/{{tag:path}}", by_tag),
    ("GET", f"{_RELEASES}/{{id:int}}", get),
    ("PATCH", f"{_RELEASES}/{{id:int}}", update),
    ("DELETE", f"{_RELEASES}/{{id:int}}", delete),
    ("GET", f"{_RELEASES}/{{id:int}}/assets", assets),
)
