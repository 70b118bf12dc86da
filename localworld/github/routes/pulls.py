"""Routes of pull requests."""

from typing import Any

from starlette.responses import Response

from localworld.github import branches, diff, issues, merge_pull, policies, pulls, shapes
from localworld.github.auth import at_least, require_user, role_of
from localworld.github.db import Row
from localworld.github.errors import ApiError, invalid, not_found
from localworld.github.git import Commit
from localworld.github.http import Call
from localworld.github.routes.commits import diff_or_patch, fork_of

FILES_LIMIT = 3_000
COMMITS_LIMIT = 250


def list_pulls(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/pulls"""
    repository = call.repository()
    rows = call.github.db.all(pulls.QUERY + "WHERE repository_id = ?", repository["id"])
    rows = in_order(call, rows, {"updated": "updated_at"})
    state = call.query("state", "open")
    rows = [row for row in rows if state in ("all", row["state"])]
    if call.query("base"):
        rows = [row for row in rows if row["base_ref"] == call.query("base")]
    if call.query("head"):
        rows = [row for row in rows if _label(call, row) == call.query("head")]
    return call.paged(rows, lambda row: shapes.pull_simple(call.github, repository, row))


def in_order(call: Call, rows: list[Row], columns: dict[str, str]) -> list[Row]:
    """Sort issues or pull requests by the query parameters `sort` and `direction`; newest first by default.

    Args:
        columns: mapping from values of `sort` to columns; other values sort by number.
    """
    column = columns.get(call.query("sort"), "number")
    return sorted(
        rows, key=lambda row: (row[column], row["number"]), reverse=call.query("direction") != "asc"
    )


def _label(call: Call, row: Row) -> str:
    source = call.github.repository_by_id(row["head_repository_id"])
    return f"{source['full_name'].partition('/')[0]}:{row['head_ref']}"


def create(call: Call) -> Response:
    """POST /repos/{owner}/{repo}/pulls"""
    repository = call.repository()
    require_user(call.caller)
    head = _head(call, repository)
    fields = {
        "title": call.text("PullRequest", "title"),
        "body": call.optional("PullRequest", "body"),
        "draft": call.fields().get("draft") is True,
        "maintainer_can_modify": head[0]["id"] != repository["id"]
        and call.fields().get("maintainer_can_modify") is not False,
    }
    allowed = policies.of(call.github, repository)["can_approve_pull_request_reviews"]
    if call.caller.workflow and not allowed:
        raise ApiError(403, "GitHub Actions is not permitted to create or approve pull requests.")
    if call.caller.permissions is not None:
        call.require(repository, "write", "pull-requests")
    elif not at_least(role_of(call.github, call.caller, head[0]), "write"):
        raise ApiError(403, "You do not have permission to create this pull request.")
    row = pulls.create(call.github, repository, call.caller, head, call.text("PullRequest", "base"), fields)
    pulls.emit_pull_event(call.github, repository, row["number"], "opened", call.caller)
    shape = shapes.pull(call.github, repository, row)
    return call.reply(shape, 201, {"Location": shape["url"]})


def _head(call: Call, repository: Row) -> tuple[Row, str]:
    """Return the head repository and branch of a new pull request: `branch` or `owner:branch`."""
    owner, colon, branch = call.text("PullRequest", "head").rpartition(":")
    source = fork_of(call, repository, owner) if colon else repository
    named = call.optional("PullRequest", "head_repo")
    if named and colon:
        source = call.github.repository(named if "/" in named else f"{owner}/{named}")
    if source is None or call.git(source).branch(branch) is None:
        raise invalid("PullRequest", "head")
    return source, branch


def get(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/pulls/{number}"""
    repository, row = _pull(call)
    git = call.git(repository)
    base = git.merge_base(row["base_sha"], row["head_sha"])
    if text := diff_or_patch(call, git, base or diff.EMPTY_TREE, row["head_sha"]):
        return text
    call.github.db.update("pulls", row["id"], computed=1)
    return call.reply(shapes.pull(call.github, repository, row))


def update(call: Call) -> Response:
    """PATCH /repos/{owner}/{repo}/pulls/{number}: title, body, state, base"""
    repository, row = _pull(call)
    user = require_user(call.caller)
    if call.caller.permissions is not None or user["id"] != row["user_id"]:
        call.require(repository, "triage", "pull-requests")
    given: dict[str, str | None] = {
        name: call.optional("PullRequest", name) for name in ("title", "body") if name in call.fields()
    }
    state, base = call.optional("PullRequest", "state"), call.optional("PullRequest", "base")
    if state not in (None, "open", "closed"):
        raise invalid("PullRequest", "state")
    changes: dict[str, Any] = {}
    if base and base != row["base_ref"]:
        pulls.retarget(call.github, repository, row, base, call.caller)
        changes["base"] = {"ref": {"from": row["base_ref"]}, "sha": {"from": row["base_sha"]}}
    changes |= issues.edit(call.github, row, call.caller, given)
    if changes:
        more = {"changes": changes}
        pulls.emit_pull_event(call.github, repository, row["number"], "edited", call.caller, more)
    if state and state != row["state"]:
        set_state(call, repository, row, state)
    return call.reply(shapes.pull(call.github, repository, _pull(call)[1]))


def set_state(call: Call, repository: Row, row: Row, state: str) -> None:
    """Close or reopen a pull request."""
    change = pulls.close if state == "closed" else pulls.reopen
    with call.github.writing:
        change(call.github, repository, row, call.caller)


def files(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/pulls/{number}/files"""
    repository, row = _pull(call)
    git = call.git(repository)
    base = git.merge_base(row["base_sha"], row["head_sha"])
    found = diff.changes(git, base, row["head_sha"])[:FILES_LIMIT]
    return call.paged(found, lambda file: shapes.diff_entry(call.github, repository, row["head_sha"], file))


def commits(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/pulls/{number}/commits"""
    repository, row = _pull(call)
    found = own_commits(call, repository, row)[:COMMITS_LIMIT]
    return call.paged(found, lambda commit: shapes.commit(call.github, repository, commit))


def own_commits(call: Call, repository: Row, row: Row) -> list[Commit]:
    """Return the commits of a pull request, oldest first."""
    git = call.git(repository)
    base = git.merge_base(row["base_sha"], row["head_sha"])
    without = [f"^{base}"] if base else []
    return git.commits(row["head_sha"], *without, options=("--reverse", "--topo-order"))


def is_merged(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/pulls/{number}/merge"""
    if _pull(call)[1]["merged_at"] is None:
        raise not_found()
    return Response(status_code=204)


def merge(call: Call) -> Response:
    """PUT /repos/{owner}/{repo}/pulls/{number}/merge"""
    repository, row = _pull(call)
    call.require(repository, "write", "contents")
    method = call.optional("PullRequest", "merge_method") or "merge"
    if method not in ("merge", "squash", "rebase"):
        raise invalid("PullRequest", "merge_method")
    expected = call.optional("PullRequest", "sha")
    with call.github.writing:
        row = pulls.find(call.github, repository, row["number"])
        if expected and expected != row["head_sha"]:
            raise ApiError(409, "Head branch was modified. Review and try the merge again.")
        title, text = (
            call.optional("PullRequest", name) or "" for name in ("commit_title", "commit_message")
        )
        sha = merge_pull.merge_pull(call.github, repository, row["number"], call.caller, method, title, text)
    return call.reply({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


def update_branch(call: Call) -> Response:
    """PUT /repos/{owner}/{repo}/pulls/{number}/update-branch: merge the base branch into the head branch"""
    repository, row = _pull(call)
    source = call.github.repository_by_id(row["head_repository_id"])
    role = role_of(call.github, call.caller, repository)
    if not (row["maintainer_can_modify"] and at_least(role, "write")):
        call.require(source, "write", "contents")
    expected = call.optional("PullRequest", "expected_head_sha")
    if expected and expected != row["head_sha"]:
        raise invalid(
            "PullRequest", "expected_head_sha", message="expected head sha didn't match current head ref."
        )
    git = call.git(repository)
    tip = git.branch(row["base_ref"]) or row["base_sha"]
    message = f"Merge branch '{row['base_ref']}' into {row['head_ref']}\n"
    branches.merge_into_branch(
        call.github, source, row["head_ref"], (git, tip), call.caller, message, fast_forward=False
    )
    url = shapes.pull_simple(call.github, repository, row)["html_url"]
    return call.reply({"message": "Updating pull request branch.", "url": url}, 202)


def requested_reviewers(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/pulls/{number}/requested_reviewers: always empty"""
    _pull(call)
    return call.reply({"users": [], "teams": []})


def _pull(call: Call) -> tuple[Row, Row]:
    """Return the repository and pull request in the path; raise 404 if there is none."""
    repository = call.repository()
    return repository, pulls.find(call.github, repository, call.number("number"))


_REPO = "/repos/{owner}/{repo}"
_PULL = f"{_REPO}/pulls/{{number:int}}"
TABLE = (
    ("GET", f"{_REPO}/pulls", list_pulls),
    ("POST", f"{_REPO}/pulls", create),
    ("GET", _PULL, get),
    ("PATCH", _PULL, update),
    ("GET", f"{_PULL}/files", files),
    ("GET", f"{_PULL}/commits", commits),
    ("GET", f"{_PULL}/merge", is_merged),
    ("PUT", f"{_PULL}/merge", merge),
    ("PUT", f"{_PULL}/update-branch", update_branch),
    ("GET", f"{_PULL}/requested_reviewers", requested_reviewers),
)
