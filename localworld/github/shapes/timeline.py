"""JSON of issue events, timeline events and repository activity."""

import json
from typing import Any

from localworld.github.db import Row
from localworld.github.git import Commit
from localworld.github.shapes.git import git_commit
from localworld.github.shapes.issues import comment, issue
from localworld.github.shapes.pulls import review, review_comment
from localworld.github.shapes.repositories import repository_url
from localworld.github.shapes.users import app, node_id, simple_user
from localworld.github.state import GitHub


def issue_event(github: GitHub, repository: Row, row: Row) -> dict[str, Any]:
    """Return the schema issue-event-for-issue or, in timelines, state-change-issue-event and similar ones."""
    url = repository_url(github, repository)
    actor = github.user_by_id(row["user_id"]) if row["user_id"] else None
    by_app = actor and actor["type"] == "Bot"
    return {
        "id": row["id"],
        "node_id": node_id("E", row["id"]),
        "url": f"{url}/issues/events/{row['id']}",
        "actor": simple_user(github, actor) if actor else None,
        "event": row["event"],
        "commit_id": row["commit_id"],
        "commit_url": f"{url}/commits/{row['commit_id']}" if row["commit_id"] else None,
        "created_at": row["created_at"],
        "performed_via_github_app": app(github, actor) if actor and by_app else None,
        **json.loads(row["details"]),
    }


def event_with_issue(github: GitHub, repository: Row, row: Row, on: Row) -> dict[str, Any]:
    """Return the schema issue-event."""
    return {**issue_event(github, repository, row), "issue": issue(github, repository, on)}


def committed(github: GitHub, repository: Row, made: Commit) -> dict[str, Any]:
    """Return the schema timeline-committed-event, which has no actor and only the dates of the commit."""
    return {"event": "committed", **git_commit(github, repository, made)}


def commented(github: GitHub, repository: Row, on: Row, row: Row) -> dict[str, Any]:
    """Return the schema timeline-comment-event."""
    shape = comment(github, repository, on, row)
    return {**shape, "event": "commented", "actor": shape["user"]}


def reviewed(github: GitHub, repository: Row, on: Row, row: Row) -> dict[str, Any]:
    """Return the schema timeline-reviewed-event, whose state is in lower case."""
    shape = review(github, repository, on, row)
    return {**shape, "event": "reviewed", "state": shape["state"].lower()}


def line_commented(github: GitHub, repository: Row, on: Row, rows: list[Row]) -> dict[str, Any]:
    """Return the schema timeline-line-commented-event: a review comment on a line, with its replies."""
    return {
        "event": "line-commented",
        "node_id": node_id("PRRT", rows[0]["id"]),
        "comments": [review_comment(github, repository, on, row) for row in rows],
    }


def activity(github: GitHub, row: Row) -> dict[str, Any]:
    """Return the schema activity."""
    actor = github.user_by_id(row["user_id"]) if row["user_id"] else None
    return {
        "id": row["id"],
        "node_id": node_id("PSH", row["id"]),
        "before": row["before_sha"],
        "after": row["after_sha"],
        "ref": row["ref"],
        "timestamp": row["created_at"],
        "activity_type": row["kind"],
        "actor": simple_user(github, actor) if actor else None,
    }
