"""Create reviews of pull requests and review comments on lines, and emit their events."""

from typing import Any

from localworld.github import diff, policies, shapes
from localworld.github.auth import require_user
from localworld.github.caller import Caller
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.emit_event import emit_event
from localworld.github.errors import ApiError, invalid, not_found
from localworld.github.issues import check_body
from localworld.github.state import GitHub

EVENTS = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


def create(
    github: GitHub, repository: Row, pull: Row, caller: Caller, fields: dict[str, Any]
) -> tuple[Row, list[Row]]:
    """Create a review with its comments; without `event` it is pending.

    Args:
        fields: as in GitHub's request: event, body, commit_id, comments (path, line or position, side, body).

    Returns:
        The review and its comments.

    Raises:
        ApiError: 422, a field is invalid, a line is not in the diff, or the caller may not approve.
    """
    event = fields.get("event")
    if event not in (None, *EVENTS):
        raise invalid("PullRequestReview", "event")
    user, body = require_user(caller), fields.get("body") or ""
    allowed = policies.of(github, repository)["can_approve_pull_request_reviews"]
    if event == "APPROVE" and caller.workflow and not allowed:
        raise ApiError(422, "GitHub Actions is not permitted to approve pull requests.")
    check_body("PullRequestReview", body)
    if event == "REQUEST_CHANGES" and not body:
        raise invalid("PullRequestReview", "body", "missing_field")
    if event in ("APPROVE", "REQUEST_CHANGES") and user["id"] == pull["user_id"]:
        raise ApiError(422, "Can not approve or request changes on your own pull request")
    commit = fields.get("commit_id") or pull["head_sha"]
    places = [_place(github, repository, pull, comment) for comment in fields.get("comments") or []]
    with github.db.transaction():
        review = github.db.insert(
            "reviews",
            issue_id=pull["id"],
            user_id=user["id"],
            body=body,
            state=EVENTS.get(event or "", "PENDING"),
            commit_id=commit,
            submitted_at=now() if event else None,
        )
        rows = [_insert(github, pull, review, commit, place) for place in places]
    return review, rows


def reply(github: GitHub, repository: Row, pull: Row, caller: Caller, to: Row, body: str) -> tuple[Row, Row]:
    """Create a reply to a review comment, in a separate review as on GitHub.

    Args:
        to: the comment to reply to.

    Returns:
        The review and the reply.
    """
    check_body("PullRequestReviewComment", body)
    review, _ = create(github, repository, pull, caller, {"event": "COMMENT"})
    copied = ("path", "line", "side", "start_line", "start_side", "position", "diff_hunk")
    place = {
        **{name: to[name] for name in copied},
        "body": body,
        "in_reply_to": to["in_reply_to"] or to["id"],
    }
    return review, _insert(github, pull, review, to["commit_id"], place)


def emit_review_event(
    github: GitHub, repository: Row, pull: Row, review: Row, comments: list[Row], caller: Caller
) -> None:
    """Emit the events of a submitted review and of its comments; emit nothing for a pending review."""
    if review["submitted_at"] is None:
        return
    shape = shapes.pull_simple(github, repository, pull)
    at: dict[str, Any] = {
        "sha": pull["merge_sha"] or pull["head_sha"],
        "ref": f"refs/pull/{pull['number']}/merge",
        "from_fork": pull["head_repository_id"] != pull["repository_id"],
    }
    payload = {"review": shapes.review(github, repository, pull, review), "pull_request": shape}
    payload["review"]["state"] = payload["review"]["state"].lower()  # lower case in payloads only
    emit_event(github, "pull_request_review", "submitted", repository, caller, payload, **at)
    for comment in comments:
        payload = {"comment": shapes.review_comment(github, repository, pull, comment), "pull_request": shape}
        emit_event(github, "pull_request_review_comment", "created", repository, caller, payload, **at)


def find_comment(github: GitHub, repository: Row, comment_id: int) -> tuple[Row, Row]:
    """Return a review comment and the issue row of its pull request; raise 404 if there is none."""
    comment = github.db.one("SELECT * FROM review_comments WHERE id = ?", comment_id)
    issue = comment and github.db.one(
        "SELECT * FROM issues WHERE id = ? AND repository_id = ?", comment["issue_id"], repository["id"]
    )
    if comment is None or issue is None:
        raise not_found()
    return comment, issue


def _place(github: GitHub, repository: Row, pull: Row, comment: Any) -> dict[str, Any]:
    """Convert a comment of a request to columns; raise 422 if it is not on a line of the diff."""
    if not isinstance(comment, dict) or not isinstance(comment.get("body"), str) or not comment["body"]:
        raise invalid("PullRequestReviewComment", "body", "missing_field")
    check_body("PullRequestReviewComment", comment["body"])
    git = github.git(repository["full_name"])
    base = git.merge_base(pull["base_sha"], pull["head_sha"])
    files = {file.path: file for file in diff.changes(git, base, pull["head_sha"])}
    file = files.get(str(comment.get("path")))
    if file is None:
        raise invalid("PullRequestReviewComment", "path")
    side, line, position = comment.get("side") or "RIGHT", comment.get("line"), comment.get("position")
    if line is None and isinstance(position, int):
        side, line = diff.line_at(file.patch or "", position) or ("RIGHT", None)
    found = diff.hunk_at(file.patch or "", line, side) if isinstance(line, int) else None
    start = comment.get("start_line")
    if found is None or (start is not None and not diff.hunk_at(file.patch or "", start, side)):
        text = "pull_request_review_thread.line must be part of the diff"
        raise invalid("PullRequestReviewComment", "pull_request_review_thread.line", message=text)
    return {
        "path": file.path,
        "body": comment["body"],
        "line": line,
        "side": side,
        "start_line": start,
        "start_side": (comment.get("start_side") or side) if start is not None else None,
        "position": found[0],
        "diff_hunk": found[1],
    }


def _insert(github: GitHub, pull: Row, review: Row, commit: str, place: dict[str, Any]) -> Row:
    moment = now()
    return github.db.insert(
        "review_comments",
        **place,
        issue_id=pull["id"],
        review_id=review["id"],
        user_id=review["user_id"],
        commit_id=commit,
        created_at=moment,
        updated_at=moment,
    )
