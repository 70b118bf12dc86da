"""JSON objects of GitHub's API for workflows, runs, jobs and artifacts."""

import json
import zlib
from typing import Any

from localworld.github import shapes
from localworld.github.db import Row
from localworld.github.git import Commit
from localworld.github.state import GitHub


def workflow_id(path: str) -> int:
    """Return a workflow's id, computed from its path so that the id is stable."""
    return zlib.crc32(path.encode())


def workflow_shape(github: GitHub, repository: Row, path: str, name: str) -> dict[str, Any]:
    """Return an object of GitHub's schema `workflow`."""
    api, web = shapes.repository_url(github, repository), shapes.web_url(github, repository)
    number = workflow_id(path)
    return {
        "id": number,
        "node_id": shapes.node_id("W", number),
        "name": name,
        "path": path,
        "state": "active",
        "created_at": repository["created_at"],
        "updated_at": repository["updated_at"],
        "url": f"{api}/actions/workflows/{number}",
        "html_url": f"{web}/blob/{repository['default_branch']}/{path}",
        "badge_url": f"{web}/workflows/{name}/badge.svg",
    }


def run_shape(github: GitHub, run: Row) -> dict[str, Any]:
    """Return an object of GitHub's schema `workflow-run`."""
    repository = github.repository(run["repository"])
    source = github.repository(run["head_repository"])
    actor = github.user(run["actor"])
    if repository is None or actor is None:
        raise KeyError(f"run {run['id']}: its repository or its actor does not exist")
    api, web = shapes.repository_url(github, repository), shapes.web_url(github, repository)
    url = f"{api}/actions/runs/{run['id']}"
    person = shapes.simple_user(github, actor)
    again = github.user(run["triggering_actor"] or run["actor"]) or actor
    head = github.git(repository["full_name"]).commit(run["head_sha"])
    return {
        "id": run["id"],
        "name": run["name"],
        "node_id": shapes.node_id("WFR", run["id"]),
        "check_suite_id": run["id"],
        "check_suite_node_id": shapes.node_id("CS", run["id"]),
        "head_branch": run["head_branch"],
        "head_sha": run["head_sha"],
        "path": run["path"],
        "run_number": run["run_number"],
        "run_attempt": run["run_attempt"],
        "event": run["event"],
        "display_title": head.message.partition("\n")[0],
        "status": run["status"],
        "conclusion": run["conclusion"],
        "workflow_id": workflow_id(run["path"]),
        "url": url,
        "html_url": f"{web}/actions/runs/{run['id']}",
        "pull_requests": _pulls(github, repository, run),
        "created_at": run["created_at"],
        "updated_at": run["updated_at"],
        "run_started_at": run["started_at"],
        "actor": person,
        "triggering_actor": shapes.simple_user(github, again),
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{api}/check-suites/{run['id']}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": None,
        "workflow_url": f"{api}/actions/workflows/{workflow_id(run['path'])}",
        "referenced_workflows": [],
        "head_commit": _head_commit(head),
        "repository": shapes.lite_repository(github, repository),
        "head_repository": source and shapes.lite_repository(github, source),
    }


def _head_commit(head: Commit) -> dict[str, Any]:
    """Return the commit of a run, as its `head_commit`."""
    return {
        "id": head.sha,
        "tree_id": head.tree,
        "message": head.message,
        "timestamp": head.committer.date,
        "author": {"name": head.author.name, "email": head.author.email},
        "committer": {"name": head.committer.name, "email": head.committer.email},
    }


def _pulls(github: GitHub, repository: Row, run: Row) -> list[dict[str, Any]]:
    """Return the run's pull request; like GitHub, omit a pull request from a fork."""
    if run["event"] != "pull_request" or run["head_repository"].lower() != repository["full_name"].lower():
        return []
    payload = json.loads(run["trigger"])["payload"]
    pull = payload["pull_request"]
    side = {
        "id": repository["id"],
        "url": shapes.repository_url(github, repository),
        "name": repository["name"],
    }
    return [
        {
            "id": pull["id"],
            "number": pull["number"],
            "url": pull["url"],
            "head": {"ref": pull["head"]["ref"], "sha": pull["head"]["sha"], "repo": side},
            "base": {"ref": pull["base"]["ref"], "sha": pull["base"]["sha"], "repo": side},
        }
    ]


def job_shape(github: GitHub, run: Row, job: Row) -> dict[str, Any]:
    """Return an object of GitHub's schema `job`."""
    repository = github.repository(run["repository"])
    if repository is None:
        raise KeyError(f"run {run['id']}: its repository does not exist")
    api, web = shapes.repository_url(github, repository), shapes.web_url(github, repository)
    steps = [
        {
            "name": step["name"],
            "status": step["status"],
            "conclusion": step["conclusion"],
            "number": number,
            "started_at": step["started_at"],
            "completed_at": step["completed_at"],
        }
        for number, step in enumerate(json.loads(job["steps"]), 1)
    ]
    return {
        "id": job["id"],
        "run_id": run["id"],
        "run_url": f"{api}/actions/runs/{run['id']}",
        "run_attempt": job["run_attempt"],
        "node_id": shapes.node_id("CR", job["id"]),
        "head_sha": run["head_sha"],
        "url": f"{api}/actions/jobs/{job['id']}",
        "html_url": f"{web}/actions/runs/{run['id']}/job/{job['id']}",
        "status": job["status"],
        "conclusion": job["conclusion"],
        "created_at": job["started_at"],
        "started_at": job["started_at"],
        "completed_at": job["completed_at"],
        "name": job["name"],
        "steps": steps,
        "check_run_url": f"{api}/check-runs/{job['id']}",
        "labels": json.loads(job["labels"]),
        "runner_id": job["runner_id"],
        "runner_name": job["runner_name"],
        "runner_group_id": 1,
        "runner_group_name": "Default",
        "workflow_name": run["name"],
        "head_branch": run["head_branch"],
    }


def artifact_shape(github: GitHub, run: Row, artifact: Row) -> dict[str, Any]:
    """Return an object of GitHub's schema `artifact`."""
    repository = github.repository(run["repository"])
    if repository is None:
        raise KeyError(f"run {run['id']}: its repository does not exist")
    url = f"{shapes.repository_url(github, repository)}/actions/artifacts/{artifact['id']}"
    return {
        "id": artifact["id"],
        "node_id": shapes.node_id("A", artifact["id"]),
        "name": artifact["name"],
        "size_in_bytes": artifact["size"],
        "url": url,
        "archive_download_url": f"{url}/zip",
        "expired": False,
        "created_at": artifact["created_at"],
        "expires_at": None,
        "updated_at": artifact["created_at"],
        "digest": artifact["digest"],
        "workflow_run": {
            "id": run["id"],
            "repository_id": repository["id"],
            "head_repository_id": repository["id"],
            "head_branch": run["head_branch"],
            "head_sha": run["head_sha"],
        },
    }
