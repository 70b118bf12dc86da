"""Routes of pull request reviews and review comments."""

from functools import wraps
from typing import Any

from starlette.responses import Response

from localworld.github import pulls, reviews, shapes, timeline
from localworld.github.auth import at_least, require_user, role_of
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.errors import ApiError, invalid, not_found
from localworld.github.http import Call, Handler
from localworld.github.issues import check_body


def in_words(handler: Handler) -> Handler:
    """Wrap a handler so that its 422 lists the errors as sentences, as GitHub does only for reviews."""

    @wraps(handler)
    def handle(call: Call) -> Response:
        try:
            return handler(call)
        except ApiError as error:
            if error.errors is None:
                raise
            texts = [str(one.get("message") or f"{one['field']} is {one['code']}") for one in error.errors]
            raise ApiError(error.status, "Unprocessable Entity", texts) from None

    return handle


def list_reviews(call: Call) -> Response:
    """GET …/pulls/{number}/reviews; a pending review is visible only to its author"""
    repository, pull = _pull(call)
    me = call.caller.user["id"] if call.caller.user else None
    rows = call.github.db.all("SELECT * FROM reviews WHERE issue_id = ? ORDER BY id", pull["id"])
    rows = [row for row in rows if row["submitted_at"] or row["user_id"] == me]
    return call.paged(rows, lambda row: shapes.review(call.github, repository, pull, row))


@in_words
def create(call: Call) -> Response:
    """POST …/pulls/{number}/reviews"""
    repository, pull = _pull(call)
    call.require(repository, "read", "pull-requests")
    review, comments = reviews.create(call.github, repository, pull, call.caller, call.fields())
    reviews.emit_review_event(call.github, repository, pull, review, comments, call.caller)
    return call.reply(shapes.review(call.github, repository, pull, review))


def get(call: Call) -> Response:
    """GET …/pulls/{number}/reviews/{id}"""
    repository, pull, review = _review(call)
    return call.reply(shapes.review(call.github, repository, pull, review))


@in_words
def submit(call: Call) -> Response:
    """POST …/pulls/{number}/reviews/{id}/events"""
    repository, pull, review = _review(call)
    event = call.text("PullRequestReview", "event")
    if event not in reviews.EVENTS:
        raise invalid("PullRequestReview", "event")
    if require_user(call.caller)["id"] != review["user_id"] or review["submitted_at"]:
        raise ApiError(422, "Can not submit this review")
    body = call.optional("PullRequestReview", "body") or review["body"]
    call.github.db.update("reviews", review["id"], state=reviews.EVENTS[event], body=body, submitted_at=now())
    review = _review(call)[2]
    comments = call.github.db.all("SELECT * FROM review_comments WHERE review_id = ?", review["id"])
    reviews.emit_review_event(call.github, repository, pull, review, comments, call.caller)
    return call.reply(shapes.review(call.github, repository, pull, review))


@in_words
def dismiss(call: Call) -> Response:
    """PUT …/pulls/{number}/reviews/{id}/dismissals"""
    repository, pull, review = _review(call)
    call.require(repository, "write", "pull-requests")
    message = call.text("PullRequestReview", "message")
    call.github.db.update("reviews", review["id"], state="DISMISSED")
    dismissed = {
        "state": review["state"].lower(),
        "review_id": review["id"],
        "dismissal_message": message,
    }
    details = {"dismissed_review": dismissed}
    timeline.record(call.github, pull, "review_dismissed", call.caller, details=details)
    return call.reply(shapes.review(call.github, repository, pull, _review(call)[2]))


def review_comments(call: Call) -> Response:
    """GET …/pulls/{number}/reviews/{id}/comments"""
    repository, pull, review = _review(call)
    rows = call.github.db.all("SELECT * FROM review_comments WHERE review_id = ? ORDER BY id", review["id"])
    return call.paged(rows, lambda row: shapes.review_comment(call.github, repository, pull, row))


def comments(call: Call) -> Response:
    """GET …/pulls/{number}/comments"""
    repository, pull = _pull(call)
    rows = call.github.db.all(
        "SELECT review_comments.* FROM review_comments JOIN reviews ON reviews.id = review_id "
        "WHERE review_comments.issue_id = ? AND submitted_at NOTNULL ORDER BY review_comments.id",
        pull["id"],
    )
    return call.paged(rows, lambda row: shapes.review_comment(call.github, repository, pull, row))


def create_comment(call: Call) -> Response:
    """POST …/pulls/{number}/comments"""
    repository, pull = _pull(call)
    call.require(repository, "read", "pull-requests")
    fields = call.fields()
    if isinstance(fields.get("in_reply_to"), int):
        return _reply(call, repository, pull, fields["in_reply_to"])
    given = {"event": "COMMENT", "commit_id": call.text("PullRequestReviewComment", "commit_id")}
    review, rows = reviews.create(call.github, repository, pull, call.caller, {**given, "comments": [fields]})
    return _commented(call, repository, pull, review, rows[0])


def reply(call: Call) -> Response:
    """POST …/pulls/{number}/comments/{id}/replies"""
    repository, pull = _pull(call)
    call.require(repository, "read", "pull-requests")
    return _reply(call, repository, pull, call.number("id"))


def _reply(call: Call, repository: Row, pull: Row, comment_id: int) -> Response:
    to, _ = reviews.find_comment(call.github, repository, comment_id)
    body = call.text("PullRequestReviewComment", "body")
    review, row = reviews.reply(call.github, repository, pull, call.caller, to, body)
    return _commented(call, repository, pull, review, row)


def _commented(call: Call, repository: Row, pull: Row, review: Row, row: Row) -> Response:
    reviews.emit_review_event(call.github, repository, pull, review, [row], call.caller)
    shape = shapes.review_comment(call.github, repository, pull, row)
    return call.reply(shape, 201, {"Location": shape["url"]})


def get_comment(call: Call) -> Response:
    """GET …/pulls/comments/{id}"""
    repository, pull, row = _comment(call)
    return call.reply(shapes.review_comment(call.github, repository, pull, row))


def update_comment(call: Call) -> Response:
    """PATCH …/pulls/comments/{id}"""
    repository, pull, row = _own_comment(call)
    body = call.text("PullRequestReviewComment", "body")
    check_body("PullRequestReviewComment", body)
    call.github.db.update("review_comments", row["id"], body=body, updated_at=now())
    changed, _ = reviews.find_comment(call.github, repository, row["id"])
    return call.reply(shapes.review_comment(call.github, repository, pull, changed))


def delete_comment(call: Call) -> Response:
    """DELETE …/pulls/comments/{id}"""
    _, _, row = _own_comment(call)
    call.github.db.run("DELETE FROM review_comments WHERE id = ?", row["id"])
    return Response(status_code=204)


def _own_comment(call: Call) -> tuple[Row, Row, Row]:
    repository, pull, row = _comment(call)
    user = call.require(repository, "read", "pull-requests")
    mine = user["id"] == row["user_id"]
    if not mine and not at_least(role_of(call.github, call.caller, repository), "write"):
        raise ApiError(403, "Must have admin rights to Repository.")
    return repository, pull, row


def _comment(call: Call) -> tuple[Row, Row, Row]:
    repository = call.repository()
    row, issue = reviews.find_comment(call.github, repository, call.number("id"))
    return repository, pulls.find(call.github, repository, issue["number"]), row


def _pull(call: Call) -> tuple[Row, Row]:
    repository = call.repository()
    return repository, pulls.find(call.github, repository, call.number("number"))


def _review(call: Call) -> tuple[Row, Row, Row]:
    repository, pull = _pull(call)
    review = call.github.db.one(
        "SELECT * FROM reviews WHERE id = ? AND issue_id = ?", call.number("id"), pull["id"]
    )
    if review is None:
        raise not_found()
    return repository, pull, review


_PULLS = "/repos/{owner}/{repo}/pulls"
_PULL = f"{_PULLS}/{{number:int}}"
TABLE: tuple[tuple[str, str, Any], ...] = (
    ("GET", f"{_PULLS}/comments/{{id:int}}", get_comment),
    ("PATCH", f"{_PULLS}/comments/{{id:int}}", update_comment),
    ("DELETE", f"{_PULLS}/comments/{{id:int}}", delete_comment),
    ("GET", f"{_PULL}/reviews", list_reviews),
    ("POST", f"{_PULL}/reviews", create),
    ("GET", f"{_PULL}/reviews/{{id:int}}", get),
    ("POST", f"{_PULL}/reviews/{{id:int}}/events", submit),
    ("PUT", f"{_PULL}/reviews/{{id:int}}/dismissals", dismiss),
    ("GET", f"{_PULL}/reviews/{{id:int}}/comments", review_comments),
    ("GET", f"{_PULL}/comments", comments),
    ("POST", f"{_PULL}/comments", create_comment),
    ("POST", f"{_PULL}/comments/{{id:int}}/replies", reply),
)
