"""JSON of check runs, check suites and annotations."""

from typing import Any

from localworld.github.db import Row
from localworld.github.shapes.repositories import repository as repository_shape
from localworld.github.shapes.repositories import repository_url, web_url
from localworld.github.shapes.users import app, node_id
from localworld.github.state import GitHub

ANNOTATION = (
    "path",
    "start_line",
    "end_line",
    "start_column",
    "end_column",
    "annotation_level",
    "title",
    "message",
    "raw_details",
)
_SUITE_IN_EVENT = (
    "id",
    "node_id",
    "head_branch",
    "head_sha",
    "status",
    "conclusion",
    "url",
    "before",
    "after",
    "pull_requests",
    "app",
    "created_at",
    "updated_at",
)


def check_run(github: GitHub, run: Row) -> dict[str, Any]:
    """Return the schema check-run."""
    repository = github.repository_by_id(run["repository_id"])
    suite = github.db.one("SELECT * FROM check_suites WHERE id = ?", run["suite_id"]) or {}
    url = f"{repository_url(github, repository)}/check-runs/{run['id']}"
    html = f"{web_url(github, repository)}/runs/{run['id']}"
    count = github.db.count("SELECT COUNT(*) FROM annotations WHERE check_run_id = ?", run["id"])
    return {
        "id": run["id"],
        "node_id": node_id("CR", run["id"]),
        "name": run["name"],
        "head_sha": run["head_sha"],
        "external_id": run["external_id"] or "",
        "url": url,
        "html_url": html,
        "details_url": run["details_url"] or html,
        "status": run["status"],
        "conclusion": run["conclusion"],
        "started_at": run["started_at"],
        "completed_at": run["completed_at"],
        "output": {
            "title": run["title"],
            "summary": run["summary"],
            "text": run["text"],
            "annotations_count": count,
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": run["suite_id"]},
        "app": app(github, github.user_by_id(suite["user_id"])),
        "pull_requests": pulls_at(github, repository, run["head_sha"]),
    }


def event_check_run(github: GitHub, run: Row) -> dict[str, Any]:
    """Return a check run as in event payloads, which have more fields of its check suite."""
    suite = github.db.one("SELECT * FROM check_suites WHERE id = ?", run["suite_id"]) or {}
    whole = check_suite(github, suite)
    return {**check_run(github, run), "check_suite": {name: whole[name] for name in _SUITE_IN_EVENT}}


def check_suite(github: GitHub, suite: Row) -> dict[str, Any]:
    """Return the schema check-suite."""
    repository = github.repository_by_id(suite["repository_id"])
    runs = github.db.all("SELECT status, conclusion FROM check_runs WHERE suite_id = ?", suite["id"])
    status, conclusion = _sum(runs)
    url = f"{repository_url(github, repository)}/check-suites/{suite['id']}"
    commit = github.git(repository["full_name"]).commit(suite["head_sha"])
    return {
        "id": suite["id"],
        "node_id": node_id("CS", suite["id"]),
        "head_branch": suite["head_branch"],
        "head_sha": suite["head_sha"],
        "status": status,
        "conclusion": conclusion,
        "url": url,
        "before": commit.parents[0] if commit.parents else None,
        "after": suite["head_sha"],
        "pull_requests": pulls_at(github, repository, suite["head_sha"]),
        "app": app(github, github.user_by_id(suite["user_id"])),
        "repository": repository_shape(github, repository),
        "created_at": suite["created_at"],
        "updated_at": suite["updated_at"],
        "head_commit": {
            "id": commit.sha,
            "tree_id": commit.tree,
            "message": commit.message,
            "timestamp": commit.committer.date,
            "author": {"name": commit.author.name, "email": commit.author.email},
            "committer": {"name": commit.committer.name, "email": commit.committer.email},
        },
        "latest_check_runs_count": len(runs),
        "check_runs_url": f"{url}/check-runs",
    }


def annotation(github: GitHub, row: Row, run: Row) -> dict[str, Any]:
    """Return the schema check-annotation."""
    repository = github.repository_by_id(run["repository_id"])
    return {
        **{name: row[name] for name in ANNOTATION},
        "blob_href": f"{web_url(github, repository)}/blob/{run['head_sha']}/{row['path']}",
    }


def pulls_at(github: GitHub, repository: Row, sha: str) -> list[dict[str, Any]]:
    """Return the schema pull-request-minimal of the open pull requests with this head, except from forks."""
    rows = github.db.all(
        "SELECT pulls.*, issues.number FROM pulls JOIN issues USING (id) WHERE issues.repository_id = ? "
        "AND head_repository_id = issues.repository_id AND head_sha = ? AND state = 'open'",
        repository["id"],
        sha,
    )
    url = repository_url(github, repository)
    repo = {"id": repository["id"], "url": url, "name": repository["name"]}
    return [
        {
            "id": row["id"],
            "number": row["number"],
            "url": f"{url}/pulls/{row['number']}",
            "head": {"ref": row["head_ref"], "sha": row["head_sha"], "repo": repo},
            "base": {"ref": row["base_ref"], "sha": row["base_sha"], "repo": repo},
        }
        for row in rows
    ]


def _sum(runs: list[Row]) -> tuple[str, str | None]:
    """Return the status and conclusion of a check suite from those of its runs."""
    if any(run["status"] != "completed" for run in runs):
        return "in_progress", None
    conclusions = [run["conclusion"] for run in runs]
    for conclusion in ("failure", "timed_out", "action_required", "cancelled"):
        if conclusion in conclusions:
            return "completed", conclusion
    return ("completed", "success" if "success" in conclusions else "neutral") if runs else ("queued", None)
