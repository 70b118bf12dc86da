"""JSON of issues, comments, labels and reactions."""

from typing import Any
from urllib.parse import quote

from localworld.github.db import Row
from localworld.github.shapes.repositories import repository_url, web_url
from localworld.github.shapes.users import app, node_id, simple_user
from localworld.github.state import GitHub

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


def issue(github: GitHub, repository: Row, row: Row) -> dict[str, Any]:
    """Return the schema issue; a pull request is an issue with the field `pull_request`."""
    url = f"{repository_url(github, repository)}/issues/{row['number']}"
    author = github.user_by_id(row["user_id"])
    assignees = assignees_of(github, row)
    shape: dict[str, Any] = {
        "id": row["id"],
        "node_id": node_id("PR" if row["is_pull"] else "I", row["id"]),
        "number": row["number"],
        "title": row["title"],
        "body": row["body"],
        "user": simple_user(github, author),
        "state": row["state"],
        "state_reason": row["state_reason"],
        "locked": False,
        "active_lock_reason": None,
        "labels": labels_of(github, repository, row),
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "milestone": None,
        "comments": comment_count(github, row),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "closed_at": row["closed_at"],
        "author_association": association(github, repository, author),
        "performed_via_github_app": None,
        "reactions": rollup(github, "issues", row["id"], url),
        "url": url,
        "repository_url": repository_url(github, repository),
        "html_url": page_url(github, repository, row),
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
    }
    if row["closed_by"] is not None:
        shape["closed_by"] = simple_user(github, github.user_by_id(row["closed_by"]))
    if row["is_pull"]:
        pull = github.db.one("SELECT draft, merged_at FROM pulls WHERE id = ?", row["id"]) or {}
        html = page_url(github, repository, row)
        shape["draft"] = bool(pull["draft"])
        shape["pull_request"] = {
            "url": f"{repository_url(github, repository)}/pulls/{row['number']}",
            "html_url": html,
            "diff_url": f"{html}.diff",
            "patch_url": f"{html}.patch",
            "merged_at": pull["merged_at"],
        }
    return shape


def event_issue(github: GitHub, repository: Row, row: Row) -> dict[str, Any]:
    """Return an issue as in event payloads, which lack `closed_by`."""
    return {name: value for name, value in issue(github, repository, row).items() if name != "closed_by"}


def page_url(github: GitHub, repository: Row, row: Row) -> str:
    """Return the URL of the web page of an issue or pull request."""
    return f"{web_url(github, repository)}/{'pull' if row['is_pull'] else 'issues'}/{row['number']}"


def comment(github: GitHub, repository: Row, on: Row, row: Row) -> dict[str, Any]:
    """Return the schema issue-comment.

    Args:
        on: the row of the issue that has the comment.
        row: the row of the comment.
    """
    author = github.user_by_id(row["user_id"])
    url = f"{repository_url(github, repository)}/issues/comments/{row['id']}"
    return {
        "id": row["id"],
        "node_id": node_id("IC", row["id"]),
        "url": url,
        "html_url": f"{page_url(github, repository, on)}#issuecomment-{row['id']}",
        "issue_url": f"{repository_url(github, repository)}/issues/{on['number']}",
        "user": simple_user(github, author),
        "body": row["body"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "author_association": association(github, repository, author),
        "performed_via_github_app": app(github, author) if author["type"] == "Bot" else None,
        "reactions": rollup(github, "comments", row["id"], url),
    }


def comment_count(github: GitHub, row: Row) -> int:
    """Count the comments on an issue."""
    return github.db.count("SELECT COUNT(*) FROM comments WHERE issue_id = ?", row["id"])


def label(github: GitHub, repository: Row, row: Row) -> dict[str, Any]:
    """Return the schema label."""
    return {
        "id": row["id"],
        "node_id": node_id("LA", row["id"]),
        "url": f"{repository_url(github, repository)}/labels/{quote(row['name'])}",
        "name": row["name"],
        "description": row["description"] or "",
        "color": row["color"],
        "default": bool(row["is_default"]),
    }


def labels_of(github: GitHub, repository: Row, on: Row) -> list[dict[str, Any]]:
    """Return the labels of an issue."""
    rows = github.db.all(
        "SELECT labels.* FROM labels JOIN issue_labels ON label_id = id WHERE issue_id = ? ORDER BY name",
        on["id"],
    )
    return [label(github, repository, row) for row in rows]


def assignees_of(github: GitHub, on: Row) -> list[dict[str, Any]]:
    """Return the assignees of an issue."""
    rows = github.db.all(
        "SELECT users.* FROM users JOIN issue_assignees ON user_id = users.id WHERE issue_id = ?", on["id"]
    )
    return [simple_user(github, row) for row in rows]


def reaction(github: GitHub, row: Row) -> dict[str, Any]:
    """Return the schema reaction."""
    return {
        "id": row["id"],
        "node_id": node_id("REA", row["id"]),
        "user": simple_user(github, github.user_by_id(row["user_id"])),
        "content": row["content"],
        "created_at": row["created_at"],
    }


def rollup(github: GitHub, subject: str, subject_id: int, url: str) -> dict[str, Any]:
    """Return the schema reaction-rollup."""
    rows = github.db.all(
        "SELECT content, COUNT(*) AS n FROM reactions WHERE subject = ? AND subject_id = ? GROUP BY content",
        subject,
        subject_id,
    )
    counts = {row["content"]: row["n"] for row in rows}
    return {
        "url": f"{url}/reactions",
        "total_count": sum(counts.values()),
        **{name: counts.get(name, 0) for name in REACTIONS},
    }


def association(github: GitHub, repository: Row, user: Row) -> str:
    """Return the schema author-association, a user's relation to a repository."""
    if user["id"] == repository["owner_id"]:
        return "OWNER"
    pair = (repository["id"], user["id"])
    if github.db.one("SELECT 1 FROM collaborators WHERE repository_id = ? AND user_id = ?", *pair):
        return "COLLABORATOR"
    merged = (
        "SELECT 1 FROM issues JOIN pulls USING (id) "
        "WHERE repository_id = ? AND user_id = ? AND merged_at NOTNULL"
    )
    return "CONTRIBUTOR" if github.db.one(merged, *pair) else "NONE"
