"""Issues and their comments, labels and reactions: checked, stored, told."""

from typing import TYPE_CHECKING, Any

from bot.local.github import shapes
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
    check_body("PullRequest" if is_pull else "Issue", body)
    if len(title) > TITLE_LIMIT:
        raise invalid("Issue", "title", message=f"title is too long (maximum is {TITLE_LIMIT} characters)")
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
