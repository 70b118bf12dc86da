"""Routes of issues and their comments."""

from typing import Any

from starlette.responses import Response

from localworld.github import issues, label_and_assign, pulls, shapes, timeline
from localworld.github.auth import at_least, require_user, role_of
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.errors import ApiError, invalid
from localworld.github.http import Call
from localworld.github.routes.pulls import in_order
from localworld.github.routes.pulls import set_state as set_pull_state


def areas(row: Row) -> tuple[str, ...]:
    """Return the permissions that a token needs for an issue or pull request; one of them is enough."""
    return ("issues", "pull-requests") if row["is_pull"] else ("issues",)


def list_issues(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/issues; includes pull requests, as on GitHub"""
    repository = call.repository()
    rows = call.github.db.all("SELECT * FROM issues WHERE repository_id = ?", repository["id"])
    rows = in_order(call, rows, {"updated": "updated_at"})
    state = call.query("state", "open")
    rows = [row for row in rows if state in ("all", row["state"])]
    if call.query("since"):
        rows = [row for row in rows if row["updated_at"] >= call.query("since")]
    if call.query("creator"):
        rows = [
            row for row in rows if call.github.user_by_id(row["user_id"])["login"] == call.query("creator")
        ]
    wanted = {name.lower() for name in call.query("labels").split(",") if name}
    if wanted:
        rows = [row for row in rows if wanted <= _label_names(call, repository, row)]
    return call.paged(rows, lambda row: shapes.issue(call.github, repository, row))


def _label_names(call: Call, repository: Row, row: Row) -> set[str]:
    return {label["name"].lower() for label in shapes.labels_of(call.github, repository, row)}


def create(call: Call) -> Response:
    """POST /repos/{owner}/{repo}/issues"""
    repository = call.repository()
    call.require(repository, "read", "issues")
    title, body = call.text("Issue", "title"), call.optional("Issue", "body")
    row = issues.create_row(call.github, repository, call.caller, title, body)
    labels, assignees = [], []
    if _may_triage(call, repository):  # otherwise GitHub ignores labels and assignees
        labels = [
            label_and_assign.put_label(call.github, repository, row, name) for name in _names(call, "labels")
        ]
        assignees = [
            label_and_assign.put_assignee(call.github, row, name) for name in _names(call, "assignees")
        ]
    pulls.emit_issue_event(call.github, repository, row["number"], "opened", call.caller)
    for label in filter(None, labels):
        label_and_assign.emit_label_event(call.github, repository, row, "labeled", label, call.caller)
    for user in filter(None, assignees):
        label_and_assign.emit_assignee_event(call.github, repository, row, "assigned", user, call.caller)
    shape = shapes.issue(call.github, repository, row)
    return call.reply(shape, 201, {"Location": shape["url"]})


def get(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/issues/{number}"""
    repository, row = find(call)
    return call.reply(shapes.issue(call.github, repository, row))


def update(call: Call) -> Response:
    """PATCH /repos/{owner}/{repo}/issues/{number}: title, body, state, labels, assignees"""
    repository, row = find(call)
    fields = call.fields()
    user = require_user(call.caller)
    needs_triage = {"labels", "assignees"} & fields.keys()  # an author may change only texts and the state
    if call.caller.permissions is not None or user["id"] != row["user_id"] or needs_triage:
        call.require(repository, "triage", *areas(row))
    given: dict[str, str | None] = {
        name: call.optional("Issue", name) for name in ("title", "body") if name in fields
    }
    changes = issues.edit(call.github, row, call.caller, given)
    if changes:
        more = {"changes": changes}
        pulls.emit_issue_event(call.github, repository, row["number"], "edited", call.caller, more)
    if isinstance(fields.get("labels"), list):
        label_and_assign.set_labels(call.github, repository, row, _names(call, "labels"), call.caller)
    if isinstance(fields.get("assignees"), list):
        label_and_assign.set_assignees(call.github, repository, row, fields["assignees"], call.caller)
    _set_state(call, repository, row)
    return call.reply(shapes.issue(call.github, repository, find(call)[1]))


def _set_state(call: Call, repository: Row, row: Row) -> None:
    """Close or reopen an issue or pull request if the request changes `state`."""
    state, reason = call.optional("Issue", "state"), call.optional("Issue", "state_reason")
    if state not in (None, "open", "closed"):
        raise invalid("Issue", "state")
    if state is None or state == row["state"]:
        return
    if row["is_pull"]:
        set_pull_state(call, repository, pulls.find(call.github, repository, row["number"]), state)
        return
    closed = state == "closed"
    call.github.db.update(
        "issues",
        row["id"],
        state=state,
        state_reason=(reason or "completed") if closed else "reopened",
        closed_at=now() if closed else None,
        closed_by=require_user(call.caller)["id"] if closed else None,
        updated_at=now(),
    )
    action = "closed" if closed else "reopened"
    timeline.record(call.github, row, action, call.caller, details={"state_reason": reason or None})
    pulls.emit_issue_event(call.github, repository, row["number"], action, call.caller)


def _may_triage(call: Call, repository: Row) -> bool:
    return call.caller.permissions is not None or at_least(
        role_of(call.github, call.caller, repository), "triage"
    )


def _names(call: Call, field: str) -> list[Any]:
    """Return a field with a list of labels or logins; a label may be an object with a name."""
    given = call.fields().get(field) or []
    return [one.get("name") if isinstance(one, dict) else one for one in given]


def add_assignees(call: Call) -> Response:
    """POST /repos/{owner}/{repo}/issues/{number}/assignees"""
    repository, row = find(call)
    call.require(repository, "triage", *areas(row))
    label_and_assign.add_assignees(call.github, repository, row, _names(call, "assignees"), call.caller)
    return call.reply(shapes.issue(call.github, repository, row), 201)


def remove_assignees(call: Call) -> Response:
    """DELETE /repos/{owner}/{repo}/issues/{number}/assignees"""
    repository, row = find(call)
    call.require(repository, "triage", *areas(row))
    label_and_assign.remove_assignees(call.github, repository, row, _names(call, "assignees"), call.caller)
    return call.reply(shapes.issue(call.github, repository, row))


def comments(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/issues/{number}/comments"""
    repository, row = find(call)
    rows = call.github.db.all(
        "SELECT * FROM comments WHERE issue_id = ? AND updated_at >= ? ORDER BY id",
        *(row["id"], call.query("since")),
    )
    return call.paged(rows, lambda comment: shapes.comment(call.github, repository, row, comment))


def all_comments(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/issues/comments"""
    repository = call.repository()
    rows = call.github.db.all(
        "SELECT comments.*, number, is_pull FROM comments JOIN issues ON issues.id = issue_id "
        "WHERE repository_id = ? AND comments.updated_at >= ? ORDER BY comments.id",
        *(repository["id"], call.query("since")),
    )
    return call.paged(rows, lambda row: shapes.comment(call.github, repository, row, row))


def create_comment(call: Call) -> Response:
    """POST /repos/{owner}/{repo}/issues/{number}/comments"""
    repository, row = find(call)
    user = call.require(repository, "read", *areas(row))
    body = call.text("IssueComment", "body")
    issues.check_body("IssueComment", body)
    moment = now()
    comment = call.github.db.insert(
        "comments", issue_id=row["id"], user_id=user["id"], body=body, created_at=moment, updated_at=moment
    )
    issues.touch(call.github, row)
    issues.emit_comment_event(call.github, repository, row, comment, "created", call.caller)
    shape = shapes.comment(call.github, repository, row, comment)
    return call.reply(shape, 201, {"Location": shape["url"]})


def get_comment(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/issues/comments/{id}"""
    repository = call.repository()
    comment, row = issues.find_comment(call.github, repository, call.number("id"))
    return call.reply(shapes.comment(call.github, repository, row, comment))


def update_comment(call: Call) -> Response:
    """PATCH /repos/{owner}/{repo}/issues/comments/{id}"""
    repository, row, comment = _own_comment(call)
    body = call.text("IssueComment", "body")
    issues.check_body("IssueComment", body)
    call.github.db.update("comments", comment["id"], body=body, updated_at=now())
    issues.touch(call.github, row)
    changed, _ = issues.find_comment(call.github, repository, comment["id"])
    more = {"changes": {"body": {"from": comment["body"]}}}
    issues.emit_comment_event(call.github, repository, row, changed, "edited", call.caller, more)
    return call.reply(shapes.comment(call.github, repository, row, changed))


def delete_comment(call: Call) -> Response:
    """DELETE /repos/{owner}/{repo}/issues/comments/{id}"""
    repository, row, comment = _own_comment(call)
    call.github.db.run("DELETE FROM comments WHERE id = ?", comment["id"])
    issues.emit_comment_event(call.github, repository, row, comment, "deleted", call.caller)
    return Response(status_code=204)


def _own_comment(call: Call) -> tuple[Row, Row, Row]:
    """Return repository, issue and comment; raise 403 unless the caller is its author or may write."""
    repository = call.repository()
    comment, row = issues.find_comment(call.github, repository, call.number("id"))
    user = require_user(call.caller)
    if call.caller.permissions is not None:
        call.require(repository, "read", *areas(row))
    elif user["id"] != comment["user_id"] and not at_least(
        role_of(call.github, call.caller, repository), "write"
    ):
        raise ApiError(403, "Must have admin rights to Repository.")
    return repository, row, comment


def find(call: Call) -> tuple[Row, Row]:
    """Return the repository and issue in the path; raise 404 if there is none."""
    repository = call.repository()
    return repository, issues.find(call.github, repository, call.number("number"))


_REPO = "/repos/{owner}/{repo}"
_ISSUE = f"{_REPO}/issues/{{number:int}}"
TABLE = (
    ("GET", f"{_REPO}/issues", list_issues),
    ("POST", f"{_REPO}/issues", create),
    ("GET", f"{_REPO}/issues/comments", all_comments),
    ("GET", f"{_REPO}/issues/comments/{{id:int}}", get_comment),
    ("PATCH", f"{_REPO}/issues/comments/{{id:int}}", update_comment),
    ("DELETE", f"{_REPO}/issues/comments/{{id:int}}", delete_comment),
    ("GET", _ISSUE, get),
    ("PATCH", _ISSUE, update),
    ("POST", f"{_ISSUE}/assignees", add_assignees),
    ("DELETE", f"{_ISSUE}/assignees", remove_assignees),
    ("GET", f"{_ISSUE}/comments", comments),
    ("POST", f"{_ISSUE}/comments", create_comment),
)
