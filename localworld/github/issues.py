"""Validate, store and emit events of issues and their comments, labels and reactions."""

from typing import Any

from localworld.github import shapes, timeline
from localworld.github.auth import require_user
from localworld.github.caller import Caller
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.emit_event import emit_event
from localworld.github.errors import ApiError, invalid, not_found
from localworld.github.state import GitHub

BODY_LIMIT = 65_536
TITLE_LIMIT = 256


def find(github: GitHub, repository: Row, number: int) -> Row:
    """Return an issue or pull request; raise 404 if there is none."""
    row = github.db.one(
        "SELECT * FROM issues WHERE repository_id = ? AND number = ?", repository["id"], number
    )
    if row is None:
        raise not_found()
    return row


def create_row(
    github: GitHub, repository: Row, caller: Caller, title: str, body: str | None, *, is_pull: bool = False
) -> Row:
    """Insert a row with the next number into `issues` and return it; raise 422 if a text is too long."""
    check_text("PullRequest" if is_pull else "Issue", title, body)
    moment = now()
    with github.db.transaction():
        number = github.db.count(
            "SELECT COALESCE(MAX(number), 0) + 1 FROM issues WHERE repository_id = ?", repository["id"]
        )
        return github.db.insert(
            "issues",
            repository_id=repository["id"],
            number=number,
            title=title,
            body=body,
            user_id=require_user(caller)["id"],
            is_pull=int(is_pull),
            created_at=moment,
            updated_at=moment,
        )


def edit(github: GitHub, row: Row, caller: Caller, given: dict[str, str | None]) -> dict[str, dict[str, str]]:
    """Set the title and body of an issue or pull request.

    Args:
        given: `title` and `body`, as far as the request has them; a null title is not changed.

    Returns:
        `changes` of the event `edited`; empty if nothing changed.

    Raises:
        ApiError: 422, the title is empty, or a text is too long.
    """
    resource = "PullRequest" if row["is_pull"] else "Issue"
    values = {name: text for name, text in given.items() if (name, text) != ("title", None)}
    if values.get("title") == "":
        raise invalid(resource, "title", "missing_field")
    check_text(resource, values.get("title"), values.get("body"))
    values = {name: text for name, text in values.items() if (text or "") != (row[name] or "")}
    if not values:
        return {}
    github.db.update("issues", row["id"], **values, updated_at=now())
    if "title" in values:
        rename = {"from": row["title"], "to": values["title"]}
        timeline.record(github, row, "renamed", caller, details={"rename": rename})
    return {name: {"from": row[name] or ""} for name in values}


def check_text(resource: str, title: str | None, body: str | None) -> None:
    """Raise 422 if a title or body is longer than GitHub allows."""
    check_body(resource, body)
    if title is not None and len(title) > TITLE_LIMIT:
        raise invalid(resource, "title", message=f"title is too long (maximum is {TITLE_LIMIT} characters)")


def check_body(resource: str, body: str | None) -> None:
    """Raise 422 if a body is longer than GitHub allows."""
    if body is not None and len(body) > BODY_LIMIT:
        raise invalid(resource, "body", message=f"body is too long (maximum is {BODY_LIMIT} characters)")


def touch(github: GitHub, row: Row) -> None:
    """Set the time of an issue's last change to now."""
    github.db.update("issues", row["id"], updated_at=now())


def emit_comment_event(
    github: GitHub,
    repository: Row,
    on: Row,
    comment: Row,
    action: str,
    caller: Caller,
    more: dict[str, Any] | None = None,
) -> None:
    """Emit `issue_comment`; `more` are additional fields of the payload."""
    issue = find(github, repository, on["number"])
    payload = {
        "issue": shapes.event_issue(github, repository, issue),
        "comment": shapes.comment(github, repository, issue, comment),
        **(more or {}),
    }
    emit_event(github, "issue_comment", action, repository, caller, payload)


def find_comment(github: GitHub, repository: Row, comment_id: int) -> tuple[Row, Row]:
    """Return a comment and its issue; raise 404 if the repository has no such comment."""
    comment = github.db.one(
        "SELECT comments.* FROM comments JOIN issues ON issues.id = issue_id "
        "WHERE comments.id = ? AND repository_id = ?",
        *(comment_id, repository["id"]),
    )
    issue = comment and github.db.one("SELECT * FROM issues WHERE id = ?", comment["issue_id"])
    if comment is None or issue is None:
        raise not_found()
    return comment, issue


def label_named(github: GitHub, repository: Row, name: str) -> Row | None:
    """Find a label of a repository by name, ignoring case, or None."""
    return github.db.one("SELECT * FROM labels WHERE repository_id = ? AND name = ?", repository["id"], name)


def react(github: GitHub, subject: str, subject_id: int, caller: Caller, content: Any) -> tuple[Row, bool]:
    """Add a reaction of the caller, unless it exists already.

    Args:
        subject: table of the subject: `issues`, `comments` or `review_comments`.
        content: GitHub's name of the reaction, such as `+1`.

    Returns:
        The reaction, and whether it is new.

    Raises:
        ApiError: 422, GitHub has no such reaction.
    """
    if content not in shapes.REACTIONS:
        raise ApiError(
            422, "Validation Failed", [{"resource": "Reaction", "field": "content", "code": "invalid"}]
        )
    user = require_user(caller)
    key = (subject, subject_id, user["id"], content)
    known = github.db.one(
        "SELECT * FROM reactions WHERE subject = ? AND subject_id = ? AND user_id = ? AND content = ?", *key
    )
    if known:
        return known, False
    names = ("subject", "subject_id", "user_id", "content")
    return github.db.insert("reactions", **dict(zip(names, key, strict=True)), created_at=now()), True
