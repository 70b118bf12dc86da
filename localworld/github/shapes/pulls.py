"""JSON of pull requests and reviews."""

from typing import Any

from localworld.github import diff
from localworld.github.db import Row
from localworld.github.shapes.issues import (
    assignees_of,
    association,
    comment_count,
    labels_of,
    page_url,
    rollup,
)
from localworld.github.shapes.repositories import repository as repository_shape
from localworld.github.shapes.repositories import repository_url
from localworld.github.shapes.users import node_id, simple_user
from localworld.github.state import GitHub, is_deleted


def pull_simple(github: GitHub, repository: Row, row: Row) -> dict[str, Any]:
    """Return the schema pull-request-simple.

    Args:
        row: a row of `issues` joined with `pulls`.
    """
    author = github.user_by_id(row["user_id"])
    assignees = assignees_of(github, row)
    return {
        "id": row["id"],
        "node_id": node_id("PR", row["id"]),
        "number": row["number"],
        **_urls(github, repository, row),
        "state": row["state"],
        "locked": False,
        "active_lock_reason": None,
        "title": row["title"],
        "body": row["body"],
        "user": simple_user(github, author),
        "labels": labels_of(github, repository, row),
        "milestone": None,
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "requested_reviewers": [],
        "requested_teams": [],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "closed_at": row["closed_at"],
        "merged_at": row["merged_at"],
        "merge_commit_sha": row["merge_sha"] if _is_computed(row) else None,
        "author_association": association(github, repository, author),
        "auto_merge": None,
        "draft": bool(row["draft"]),
        "head": _side(
            github, github.repository_by_id(row["head_repository_id"]), row["head_ref"], row["head_sha"]
        ),
        "base": _side(github, repository, row["base_ref"], row["base_sha"]),
    }


def _urls(github: GitHub, repository: Row, row: Row) -> dict[str, Any]:
    """Return the fields of a pull request that are URLs."""
    api, html = repository_url(github, repository), page_url(github, repository, row)
    url, issue_url = f"{api}/pulls/{row['number']}", f"{api}/issues/{row['number']}"
    urls = {
        "html": html,
        "issue": issue_url,
        "comments": f"{issue_url}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{api}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{api}/statuses/{row['head_sha']}",
    }
    return {
        "url": url,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        **{f"{name}_url": target for name, target in urls.items()},
        "_links": {name: {"href": target} for name, target in {"self": url, **urls}.items()},
    }


def pull(github: GitHub, repository: Row, row: Row) -> dict[str, Any]:
    """Return the schema pull-request."""
    git = github.git(repository["full_name"])
    base = git.merge_base(row["base_sha"], row["head_sha"])
    changed = diff.stats(git, base, row["head_sha"])
    range_ = f"{base}..{row['head_sha']}" if base else row["head_sha"]
    mergeable = bool(row["mergeable"]) if _is_computed(row) else None
    merger = simple_user(github, github.user_by_id(row["merged_by"])) if row["merged_by"] else None
    return {
        **pull_simple(github, repository, row),
        "merged": row["merged_at"] is not None,
        "merged_by": merger,
        "mergeable": mergeable,
        "rebaseable": mergeable,
        "mergeable_state": _mergeable_state(github, repository, row),
        "comments": comment_count(github, row),
        "review_comments": github.db.count(
            "SELECT COUNT(*) FROM review_comments WHERE issue_id = ?", row["id"]
        ),
        "maintainer_can_modify": bool(row["maintainer_can_modify"]),
        "commits": git.count(range_),
        "additions": changed.additions,
        "deletions": changed.deletions,
        "changed_files": changed.files,
    }


def _side(github: GitHub, repository: Row, ref: str, sha: str) -> dict[str, Any]:
    owner = github.user_by_id(repository["owner_id"])
    return {
        "label": f"{owner['login']}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": simple_user(github, owner),
        "repo": None if is_deleted(repository) else repository_shape(github, repository),
    }


def _is_computed(row: Row) -> bool:
    """Return whether `mergeable` is computed, which it always is for a closed pull request."""
    return bool(row["computed"]) or row["state"] == "closed"


def _mergeable_state(github: GitHub, repository: Row, row: Row) -> str:
    if not _is_computed(row):
        return "unknown"
    if not row["mergeable"]:
        return "dirty"
    if row["draft"]:
        return "draft"
    red = github.db.one(
        "SELECT 1 FROM check_runs WHERE repository_id = ? AND head_sha = ? AND id IN (SELECT MAX(id) "
        "FROM check_runs GROUP BY repository_id, head_sha, name) "
        "AND (conclusion IS NULL OR conclusion NOT IN ('success', 'neutral', 'skipped'))",
        repository["id"],
        row["head_sha"],
    )
    return "unstable" if red else "clean"


def review(github: GitHub, repository: Row, on: Row, row: Row) -> dict[str, Any]:
    """Return the schema pull-request-review."""
    url = f"{repository_url(github, repository)}/pulls/{on['number']}"
    html = f"{page_url(github, repository, on)}#pullrequestreview-{row['id']}"
    author = github.user_by_id(row["user_id"])
    shape = {
        "id": row["id"],
        "node_id": node_id("PRR", row["id"]),
        "user": simple_user(github, author),
        "body": row["body"],
        "state": row["state"],
        "html_url": html,
        "pull_request_url": url,
        "_links": {"html": {"href": html}, "pull_request": {"href": url}},
        "commit_id": row["commit_id"],
        "author_association": association(github, repository, author),
    }
    return {**shape, "submitted_at": row["submitted_at"]} if row["submitted_at"] else shape


def review_comment(github: GitHub, repository: Row, on: Row, row: Row) -> dict[str, Any]:
    """Return the schema pull-request-review-comment."""
    api = repository_url(github, repository)
    url = f"{api}/pulls/comments/{row['id']}"
    html = f"{page_url(github, repository, on)}#discussion_r{row['id']}"
    author = github.user_by_id(row["user_id"])
    pull_url = f"{api}/pulls/{on['number']}"
    shape = {
        "id": row["id"],
        "node_id": node_id("PRRC", row["id"]),
        "pull_request_review_id": row["review_id"],
        "url": url,
        "html_url": html,
        "pull_request_url": pull_url,
        "_links": {"self": {"href": url}, "html": {"href": html}, "pull_request": {"href": pull_url}},
        "diff_hunk": row["diff_hunk"],
        "path": row["path"],
        "position": row["position"],
        "original_position": row["position"],
        "commit_id": row["commit_id"],
        "original_commit_id": row["commit_id"],
        "user": simple_user(github, author),
        "body": row["body"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "author_association": association(github, repository, author),
        "start_line": row["start_line"],
        "original_start_line": row["start_line"],
        "start_side": row["start_side"],
        "line": row["line"],
        "original_line": row["line"],
        "side": row["side"],
        "subject_type": "line",
        "reactions": rollup(github, "review_comments", row["id"], url),
    }
    return {**shape, "in_reply_to_id": row["in_reply_to"]} if row["in_reply_to"] else shape
