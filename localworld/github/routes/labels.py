"""Routes of a repository's labels, the labels of issues, and reactions."""

import re

from starlette.responses import Response

from localworld.github import issues, label_and_assign, reviews, shapes
from localworld.github.auth import require_user
from localworld.github.db import Row
from localworld.github.errors import invalid, not_found
from localworld.github.http import Call
from localworld.github.routes.issues import areas, find


def list_labels(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/labels"""
    repository = call.repository()
    rows = call.github.db.all("SELECT * FROM labels WHERE repository_id = ? ORDER BY id", repository["id"])
    return call.paged(rows, lambda row: shapes.label(call.github, repository, row))


def get_label(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/labels/{name}"""
    repository = call.repository()
    return call.reply(shapes.label(call.github, repository, _label(call, repository)))


def create_label(call: Call) -> Response:
    """POST /repos/{owner}/{repo}/labels"""
    repository = call.repository()
    call.require(repository, "triage", "issues", "pull-requests")
    name = call.text("Label", "name")
    if issues.label_named(call.github, repository, name):
        raise invalid("Label", "name", "already_exists")
    row = call.github.db.insert(
        "labels", repository_id=repository["id"], name=name, **_look(call, color="ededed")
    )
    shape = shapes.label(call.github, repository, row)
    return call.reply(shape, 201, {"Location": shape["url"]})


def update_label(call: Call) -> Response:
    """PATCH /repos/{owner}/{repo}/labels/{name}"""
    repository = call.repository()
    call.require(repository, "triage", "issues", "pull-requests")
    row = _label(call, repository)
    name = call.optional("Label", "new_name") or row["name"]
    other = issues.label_named(call.github, repository, name)
    if other and other["id"] != row["id"]:
        raise invalid("Label", "name", "already_exists")
    call.github.db.update("labels", row["id"], name=name, **_look(call))
    changed = issues.label_named(call.github, repository, name) or row
    return call.reply(shapes.label(call.github, repository, changed))


def delete_label(call: Call) -> Response:
    """DELETE /repos/{owner}/{repo}/labels/{name}"""
    repository = call.repository()
    call.require(repository, "triage", "issues", "pull-requests")
    call.github.db.run("DELETE FROM labels WHERE id = ?", _label(call, repository)["id"])
    return Response(status_code=204)


def _look(call: Call, **defaults: str) -> dict[str, str]:
    """Validate color and description of a request and convert them to columns."""
    given = {name: call.optional("Label", name) for name in ("color", "description")}
    values = defaults | {name: value for name, value in given.items() if value is not None}
    if "color" in values and not re.fullmatch(r"[0-9a-fA-F]{6}", values["color"]):
        raise invalid("Label", "color")
    return values


def _label(call: Call, repository: Row) -> Row:
    row = issues.label_named(call.github, repository, call.parameter("name"))
    if row is None:
        raise not_found()
    return row


def on_issue(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/issues/{number}/labels"""
    repository, row = find(call)
    return call.paged(shapes.labels_of(call.github, repository, row), lambda label: label)


def add(call: Call) -> Response:
    """POST /repos/{owner}/{repo}/issues/{number}/labels"""
    return _put(call, replace=False)


def replace(call: Call) -> Response:
    """PUT /repos/{owner}/{repo}/issues/{number}/labels"""
    return _put(call, replace=True)


def _put(call: Call, *, replace: bool) -> Response:
    repository, row = find(call)
    call.require(repository, "triage", *areas(row))
    given = call.json
    names = given.get("labels") if isinstance(given, dict) else given
    if not isinstance(names, list):
        raise invalid("Label", "labels")
    wanted = [name.get("name") if isinstance(name, dict) else name for name in names]
    change = label_and_assign.set_labels if replace else label_and_assign.add_labels
    change(call.github, repository, row, wanted, call.caller)
    return call.reply(shapes.labels_of(call.github, repository, row))


def remove(call: Call) -> Response:
    """DELETE /repos/{owner}/{repo}/issues/{number}/labels/{name}"""
    repository, row = find(call)
    call.require(repository, "triage", *areas(row))
    label = _label(call, repository)
    if label["id"] not in {one["id"] for one in shapes.labels_of(call.github, repository, row)}:
        raise not_found()
    label_and_assign.remove_label(call.github, repository, row, label["id"], call.caller)
    return call.reply(shapes.labels_of(call.github, repository, row))


def remove_all(call: Call) -> Response:
    """DELETE /repos/{owner}/{repo}/issues/{number}/labels"""
    repository, row = find(call)
    call.require(repository, "triage", *areas(row))
    for label in shapes.labels_of(call.github, repository, row):
        label_and_assign.remove_label(call.github, repository, row, label["id"], call.caller)
    return Response(status_code=204)


# Reactions


def _subject(call: Call) -> tuple[str, int, tuple[str, ...]]:
    """Return the subject of a reaction (table and id) and the permissions that a token needs for it."""
    repository = call.repository()
    path = call.request.url.path
    if "/pulls/comments/" in path:
        comment, _ = reviews.find_comment(call.github, repository, call.number("id"))
        return "review_comments", comment["id"], ("pull-requests",)
    if "/issues/comments/" in path:
        comment, row = issues.find_comment(call.github, repository, call.number("id"))
        return "comments", comment["id"], areas(row)
    row = issues.find(call.github, repository, call.number("number"))
    return "issues", row["id"], areas(row)


def reactions(call: Call) -> Response:
    """GET …/reactions"""
    subject, subject_id, _ = _subject(call)
    rows = call.github.db.all(
        "SELECT * FROM reactions WHERE subject = ? AND subject_id = ? ORDER BY id", subject, subject_id
    )
    if call.query("content"):
        rows = [row for row in rows if row["content"] == call.query("content")]
    return call.paged(rows, lambda row: shapes.reaction(call.github, row))


def react(call: Call) -> Response:
    """POST …/reactions; status 200 if the caller has this reaction already, else 201"""
    subject, subject_id, needed = _subject(call)
    call.require(call.repository(), "read", *needed)
    row, new = issues.react(call.github, subject, subject_id, call.caller, call.fields().get("content"))
    return call.reply(shapes.reaction(call.github, row), 201 if new else 200)


def unreact(call: Call) -> Response:
    """DELETE …/reactions/{reaction}; only for reactions of the caller"""
    subject, subject_id, needed = _subject(call)
    call.require(call.repository(), "read", *needed)
    mine = call.github.db.one(
        "SELECT id FROM reactions WHERE id = ? AND subject = ? AND subject_id = ? AND user_id = ?",
        *(call.number("reaction"), subject, subject_id, require_user(call.caller)["id"]),
    )
    if mine is None:
        raise not_found()
    call.github.db.run("DELETE FROM reactions WHERE id = ?", mine["id"])
    return Response(status_code=204)


_REPO = "/repos/{owner}/{repo}"
_ISSUE = f"{_REPO}/issues/{{number:int}}"
_REACTED = (_ISSUE, f"{_REPO}/issues/comments/{{id:int}}", f"{_REPO}/pulls/comments/{{id:int}}")
TABLE = (
    ("GET", f"{_REPO}/labels", list_labels),
    ("POST", f"{_REPO}/labels", create_label),
    ("GET", f"{_REPO}/labels/{{name:path}}", get_label),
    ("PATCH", f"{_REPO}/labels/{{name:path}}", update_label),
    ("DELETE", f"{_REPO}/labels/{{name:path}}", delete_label),
    ("GET", f"{_ISSUE}/labels", on_issue),
    ("POST", f"{_ISSUE}/labels", add),
    ("PUT", f"{_ISSUE}/labels", replace),
    ("DELETE", f"{_ISSUE}/labels", remove_all),
    ("DELETE", f"{_ISSUE}/labels/{{name:path}}", remove),
    *(("GET", f"{place}/reactions", reactions) for place in _REACTED),
    *(("POST", f"{place}/reactions", react) for place in _REACTED),
    *(("DELETE", f"{place}/reactions/{{reaction:int}}", unreact) for place in _REACTED),
)
