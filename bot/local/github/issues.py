"""Issues and their comments, labels and reactions: checked, stored, told."""

from typing import TYPE_CHECKING, Any

from bot.local.github import shapes, timeline
from bot.local.github.auth import Caller, require_user
from bot.local.github.clock import now
from bot.local.github.db import Row
from bot.local.github.errors import ApiError, invalid, not_found
from bot.local.github.events import tell

if TYPE_CHECKING:
    from bot.local.github.state import GitHub

BODY_LIMIT = 65_536
TITLE_LIMIT = 256


def find(github: "GitHub", repository: Row, number: int) -> Row:
    """An issue or pull request; 404 if there is none."""
    row = github.db.one(
        "SELECT * FROM issues WHERE repository_id = ? AND number = ?", repository["id"], number
    )
    if row is None:
        raise not_found()
    return row


def create_row(
    github: "GitHub", repository: Row, caller: Caller, title: str, body: str | None, *, is_pull: bool = False
) -> Row:
    """A new row in `issues` with the next number."""
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


def edit(
    github: "GitHub", row: Row, caller: Caller, given: dict[str, str | None]
) -> dict[str, dict[str, str]]:
    """Set the title and body of an issue or pull request.

    Args:
        given: `title` and `body`, those that a request names; a title that is null stays what it is.

    Returns:
        What is different now, in the shape of `changes` of the event `edited`; empty where nothing is.
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
    """Raise 422 if a title or body is longer than GitHub takes."""
    check_body(resource, body)
    if title is not None and len(title) > TITLE_LIMIT:
        raise invalid(resource, "title", message=f"title is too long (maximum is {TITLE_LIMIT} characters)")


def check_body(resource: str, body: str | None) -> None:
    """Raise 422 if a text is longer than GitHub takes."""
    if body is not None and len(body) > BODY_LIMIT:
        raise invalid(resource, "body", message=f"body is too long (maximum is {BODY_LIMIT} characters)")


def touch(github: "GitHub", row: Row) -> None:
    """Something about an issue changed now."""
    github.db.update("issues", row["id"], updated_at=now())


def tell_comment(
    github: "GitHub",
    repository: Row,
    on: Row,
    comment: Row,
    action: str,
    caller: Caller,
    more: dict[str, Any] | None = None,
) -> None:
    """Emit `issue_comment`."""
    issue = find(github, repository, on["number"])
    payload = {
        "issue": shapes.event_issue(github, repository, issue),
        "comment": shapes.comment(github, repository, issue, comment),
        **(more or {}),
    }
    tell(github, "issue_comment", action, repository, caller, payload)


def find_comment(github: "GitHub", repository: Row, comment_id: int) -> tuple[Row, Row]:
    """A comment and the issue that it is on; 404 if this repository has no such comment."""
    comment = github.db.one(
        "SELECT comments.* FROM comments JOIN issues ON issues.id = issue_id "
        "WHERE comments.id = ? AND repository_id = ?",
        *(comment_id, repository["id"]),
    )
    issue = comment and github.db.one("SELECT * FROM issues WHERE id = ?", comment["issue_id"])
    if comment is None or issue is None:
        raise not_found()
    return comment, issue


def label_named(github: "GitHub", repository: Row, name: str) -> Row | None:
    """A label of a repository, in any case, or None."""
    return github.db.one("SELECT * FROM labels WHERE repository_id = ? AND name = ?", repository["id"], name)


def react(github: "GitHub", subject: str, subject_id: int, caller: Caller, content: Any) -> tuple[Row, bool]:
    """A reaction of the caller, and whether it is new.

    Args:
        subject: `issues`, `comments` or `review_comments`.

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
