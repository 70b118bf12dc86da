"""Routes of timelines, issue events and repository activity."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import Response

from localworld.github import issues, pulls, shapes
from localworld.github.db import Row
from localworld.github.errors import not_found
from localworld.github.http import Call
from localworld.github.routes.issues import find
from localworld.github.routes.pulls import own_commits

# Values of the query parameter `time_period` -> days.
PERIODS = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
Item = tuple[datetime, Callable[[], dict[str, Any]]]
"""The time of a timeline item, and a function that returns its JSON."""


def timeline(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/issues/{number}/timeline, oldest first

    Commits are sorted by their committer's date, which is not the time of the push.
    """
    repository, row = find(call)
    items = [*_events(call, repository, row), *_comments(call, repository, row)]
    if row["is_pull"]:
        pull = pulls.find(call.github, repository, row["number"])
        items += [*_commits(call, repository, pull), *_reviews(call, repository, pull)]
    items.sort(key=lambda item: item[0])
    return call.paged(items, lambda item: item[1]())


def _events(call: Call, repository: Row, row: Row) -> Iterator[Item]:
    for event in call.github.db.all("SELECT * FROM issue_events WHERE issue_id = ? ORDER BY id", row["id"]):
        yield _moment(event["created_at"]), _shaped(shapes.issue_event, call.github, repository, event)


def _comments(call: Call, repository: Row, row: Row) -> Iterator[Item]:
    for comment in call.github.db.all("SELECT * FROM comments WHERE issue_id = ? ORDER BY id", row["id"]):
        yield _moment(comment["created_at"]), _shaped(shapes.commented, call.github, repository, row, comment)


def _commits(call: Call, repository: Row, pull: Row) -> Iterator[Item]:
    for commit in own_commits(call, repository, pull):
        yield _moment(commit.committer.date), _shaped(shapes.committed, call.github, repository, commit)


def _reviews(call: Call, repository: Row, pull: Row) -> Iterator[Item]:
    github = call.github
    submitted = "SELECT * FROM reviews WHERE issue_id = ? AND submitted_at NOTNULL ORDER BY id"
    for review in github.db.all(submitted, pull["id"]):
        yield _moment(review["submitted_at"]), _shaped(shapes.reviewed, github, repository, pull, review)
    threads: dict[int, list[Row]] = {}
    query = (
        "SELECT review_comments.* FROM review_comments JOIN reviews ON reviews.id = review_id "
        "WHERE review_comments.issue_id = ? AND submitted_at NOTNULL ORDER BY review_comments.id"
    )
    for comment in github.db.all(query, pull["id"]):
        threads.setdefault(comment["in_reply_to"] or comment["id"], []).append(comment)
    for rows in threads.values():
        yield _moment(rows[0]["created_at"]), _shaped(shapes.line_commented, github, repository, pull, rows)


def _shaped(shape: Callable[..., dict[str, Any]], *arguments: Any) -> Callable[[], dict[str, Any]]:
    return lambda: shape(*arguments)


def _moment(date: str) -> datetime:
    """Parse a date as git or this server writes it; unsupported dates (a year above 9999) sort last."""
    try:
        return datetime.fromisoformat(date).astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime.max.replace(tzinfo=UTC)


def events(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/issues/{number}/events, oldest first"""
    repository, row = find(call)
    rows = call.github.db.all("SELECT * FROM issue_events WHERE issue_id = ? ORDER BY id", row["id"])
    return call.paged(rows, lambda event: shapes.issue_event(call.github, repository, event))


_OF_REPOSITORY = (
    "SELECT issue_events.*, number FROM issue_events JOIN issues ON issues.id = issue_id "
    "WHERE repository_id = ?"
)


def all_events(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/issues/events: events of all issues and pull requests, newest first"""
    repository = call.repository()
    rows = call.github.db.all(f"{_OF_REPOSITORY} ORDER BY issue_events.id DESC", repository["id"])
    return call.paged(rows, lambda event: _with_issue(call, repository, event))


def event(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/issues/events/{id}"""
    repository = call.repository()
    row = call.github.db.one(f"{_OF_REPOSITORY} AND issue_events.id = ?", repository["id"], call.number("id"))
    if row is None:
        raise not_found()
    return call.reply(_with_issue(call, repository, row))


def _with_issue(call: Call, repository: Row, row: Row) -> dict[str, Any]:
    on = issues.find(call.github, repository, row["number"])
    return shapes.event_with_issue(call.github, repository, row, on)


def activity(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/activity: updates of branches, newest first by default"""
    repository = call.repository()
    rows = call.github.db.all(
        "SELECT activities.*, login FROM activities LEFT JOIN users ON users.id = user_id "
        "WHERE repository_id = ? ORDER BY activities.id DESC",
        repository["id"],
    )
    if ref := call.query("ref"):
        rows = [row for row in rows if row["ref"] in (ref, f"refs/heads/{ref}")]
    if actor := call.query("actor"):
        rows = [row for row in rows if str(row["login"]).lower() == actor.lower()]
    if kind := call.query("activity_type"):
        rows = [row for row in rows if row["kind"] == kind]
    if days := PERIODS.get(call.query("time_period")):
        since = datetime.now(UTC) - timedelta(days)
        rows = [row for row in rows if _moment(row["created_at"]) >= since]
    if call.query("direction") == "asc":
        rows.reverse()
    return call.paged(rows, lambda row: shapes.activity(call.github, row))


_REPO = "/repos/{owner}/{repo}"
_ISSUE = f"{_REPO}/issues/{{number:int}}"
TABLE = (
    ("GET", f"{_ISSUE}/timeline", timeline),
    ("GET", f"{_ISSUE}/events", events),
    ("GET", f"{_REPO}/issues/events", all_events),
    ("GET", f"{_REPO}/issues/events/{{id:int}}", event),
    ("GET", f"{_REPO}/activity", activity),
)
