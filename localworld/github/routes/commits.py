"""Routes of branches, tags, commits, comparisons and commit statuses."""

from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from localworld.github import diff, protection, pulls, shapes
from localworld.github.auth import at_least, role_of
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.emit_event import emit_event
from localworld.github.errors import ApiError, invalid, not_found
from localworld.github.git import Git, GitError
from localworld.github.http import Call

STATES = ("error", "failure", "pending", "success")
FILES_LIMIT = 300  # files of a comparison, as on GitHub


def branches(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/branches"""
    repository = call.repository()
    heads = call.git(repository).refs("refs/heads/")
    return call.paged(heads.items(), lambda item: _short_branch(call, repository, *item))


def _short_branch(call: Call, repository: Row, ref: str, sha: str) -> dict[str, Any]:
    """Return the schema short-branch."""
    url = f"{shapes.repository_url(call.github, repository)}/commits/{sha}"
    name = ref.removeprefix("refs/heads/")
    protected = protection.find(call.github, repository, name) is not None
    return {"name": name, "commit": {"sha": sha, "url": url}, "protected": protected}


def branch(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/branches/{branch}"""
    repository, name = call.repository(), call.parameter("branch")
    git = call.git(repository)
    tip = git.branch(name)
    if tip is None:
        raise ApiError(404, "Branch not found")
    url = f"{shapes.repository_url(call.github, repository)}/branches/{quote(name)}"
    html = f"{shapes.web_url(call.github, repository)}/tree/{quote(name)}"
    settings = protection.find(call.github, repository, name)
    names = protection.contexts(settings or {})
    content = {
        "name": name,
        "commit": shapes.commit(call.github, repository, git.commit(tip)),
        "_links": {"self": url, "html": html},
        "protected": settings is not None,
        "protection": {
            "enabled": settings is not None,
            "required_status_checks": {
                "enforcement_level": "non_admins" if names else "off",
                "contexts": names,
                "checks": [{"context": name, "app_id": None} for name in names],
            },
        },
        "protection_url": f"{url}/protection",
    }
    return call.reply(content)


def tags(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/tags"""
    repository = call.repository()
    git, url = call.git(repository), shapes.repository_url(call.github, repository)

    def shape(ref: str) -> dict[str, Any]:
        name, sha = ref.removeprefix("refs/tags/"), git.resolve(ref)
        return {
            "name": name,
            "commit": {"sha": sha, "url": f"{url}/commits/{sha}"},
            "zipball_url": f"{url}/zipball/{ref}",
            "tarball_url": f"{url}/tarball/{ref}",
            "node_id": shapes.node_id("REF", f"{repository['id']}:{ref}"),
        }

    return call.paged(reversed(git.refs("refs/tags/")), shape)


def commits(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/commits"""
    repository = call.repository()
    git = call.git(repository)
    tip = git.resolve(call.query("sha") or repository["default_branch"])
    if tip is None:
        raise ApiError(404, "Not Found") if call.query("sha") else ApiError(409, "Git Repository is empty.")
    options = [
        f"--{name}={call.query(name)}"
        for name in ("since", "until", "author", "committer")
        if call.query(name)
    ]
    paths = (call.query("path"),) if call.query("path") else ()
    try:
        found = git.commits(tip, paths=paths, options=tuple(options))
    except GitError as error:
        raise ApiError(422, str(error)) from None
    return call.paged(found, lambda commit: shapes.commit(call.github, repository, commit))


def commit(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/commits/{ref}"""
    repository, name = call.repository(), call.parameter("ref")
    git, sha = call.git(repository), call.git(repository).resolve(name)
    if sha is None:
        raise ApiError(422, f"No commit found for SHA: {name}")
    if call.accepts("sha"):
        return Response(sha, media_type="application/vnd.github.sha; charset=utf-8")
    made = git.commit(sha)
    base = made.parents[0] if made.parents else diff.EMPTY_TREE
    if text := diff_or_patch(call, git, base, sha):
        return text
    return call.reply(shapes.commit_with_files(call.github, repository, made))


def diff_or_patch(call: Call, git: Git, base: str, head: str) -> Response | None:
    """Return the changes as text if the request accepts application/vnd.github.diff or .patch, else None."""
    if call.accepts("diff"):
        return Response(
            diff.as_text(git, base, head), media_type="application/vnd.github.diff; charset=utf-8"
        )
    if call.accepts("patch"):
        return Response(
            diff.as_patch(git, base, head), media_type="application/vnd.github.patch; charset=utf-8"
        )
    return None


def commit_pulls(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/commits/{ref}/pulls: pull requests that contain the commit"""
    repository, sha = resolved(call)
    git = call.git(repository)
    rows = call.github.db.all(pulls.QUERY + "WHERE repository_id = ? ORDER BY number", repository["id"])
    found = []
    for row in rows:
        base = git.merge_base(row["base_sha"], row["head_sha"])
        own = git.is_ancestor(sha, row["head_sha"]) and not (base and git.is_ancestor(sha, base))
        if own or (row["merged_at"] and row["merge_sha"] == sha):
            found.append(row)
    return call.paged(found, lambda row: shapes.pull_simple(call.github, repository, row))


def compare(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/compare/{base}...{head}; a side may be `owner:branch` of a fork"""
    repository = call.repository()
    git = call.git(repository)
    names = call.parameter("basehead").split("...")
    if len(names) != 2:
        raise not_found()
    base, head = (_side(call, repository, name) for name in names)
    ancestor = git.merge_base(base, head)
    if ancestor is None:
        raise ApiError(404, f"No common ancestor between {names[0]} and {names[1]}.")
    if text := diff_or_patch(call, git, ancestor, head):
        return text
    ahead, behind = git.count(f"{base}..{head}"), git.count(f"{head}..{base}")
    url = f"{shapes.repository_url(call.github, repository)}/compare/{quote(call.parameter('basehead'))}"
    html = f"{shapes.web_url(call.github, repository)}/compare/{quote(call.parameter('basehead'))}"
    own = git.commits(head, f"^{base}", options=("--reverse", "--topo-order"))

    def whole(page: list[Any], total: int) -> dict[str, Any]:
        files = diff.changes(git, ancestor, head)[:FILES_LIMIT]
        return {
            "url": url,
            "html_url": html,
            "permalink_url": f"{html.rpartition('/')[0]}/{base}...{head}",
            "diff_url": f"{html}.diff",
            "patch_url": f"{html}.patch",
            "base_commit": shapes.commit(call.github, repository, git.commit(base)),
            "merge_base_commit": shapes.commit(call.github, repository, git.commit(ancestor)),
            "status": _relation(ahead, behind),
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": total,
            "commits": page,
            "files": [shapes.diff_entry(call.github, repository, head, file) for file in files],
        }

    return call.paged(own, lambda item: shapes.commit(call.github, repository, item), whole)


def _relation(ahead: int, behind: int) -> str:
    if ahead and behind:
        return "diverged"
    return "ahead" if ahead else "behind" if behind else "identical"


def _side(call: Call, repository: Row, name: str) -> str:
    """Return the commit of one side of a comparison; fetch it from the fork if the side names one."""
    git = call.git(repository)
    owner, colon, branch = name.rpartition(":")
    if not colon:
        sha = git.resolve(name)
    else:
        source = fork_of(call, repository, owner)
        sha = call.git(source).resolve(branch) if source else None
        if sha and source and git.kind(sha) is None:
            git.fetch(call.git(source).path, sha)
    if sha is None:
        raise not_found()
    return sha


def fork_of(call: Call, repository: Row, owner: str) -> Row | None:
    """Return an owner's repository in the same fork network, or None if the caller may not read it."""
    user = call.github.user(owner)
    if user is None:
        return None
    if user["id"] == repository["owner_id"]:
        return repository
    family = (repository["id"], repository["parent_id"])
    row = call.github.db.one(
        "SELECT * FROM repositories WHERE owner_id = ? AND (parent_id = ? OR parent_id = ? OR id = ?)",
        *(user["id"], *family, repository["parent_id"]),
    )
    return row if row and at_least(role_of(call.github, call.caller, row), "read") else None


def create_status(call: Call) -> Response:
    """POST /repos/{owner}/{repo}/statuses/{sha}"""
    repository = call.repository()
    user = call.require(repository, "write", "statuses")
    sha, state = call.parameter("sha"), call.text("Status", "state")
    git = call.git(repository)
    if git.kind(sha) != "commit":
        raise ApiError(422, f"No commit found for SHA: {sha}")
    if state not in STATES:
        raise invalid("Status", "state")
    row = call.github.db.insert(
        "statuses",
        repository_id=repository["id"],
        sha=sha,
        state=state,
        context=call.optional("Status", "context") or "default",
        description=call.optional("Status", "description"),
        target_url=call.optional("Status", "target_url"),
        user_id=user["id"],
        created_at=now(),
    )
    shape = _status(call, repository, row)
    heads = git.refs("refs/heads/").items()
    payload = {
        **{name: row[name] for name in ("id", "sha", "state", "context", "description", "target_url")},
        "name": repository["full_name"],
        "commit": shapes.commit(call.github, repository, git.commit(sha)),
        "branches": [_short_branch(call, repository, ref, tip) for ref, tip in heads if tip == sha],
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
    }
    emit_event(call.github, "status", "", repository, call.caller, payload, sha=sha)
    return call.reply(shape, 201, {"Location": shape["url"]})


def statuses(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/commits/{ref}/statuses"""
    repository, sha = resolved(call)
    return call.paged(_statuses(call, repository, sha), lambda row: _status(call, repository, row))


def combined_status(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/commits/{ref}/status: the newest status of each context"""
    repository, sha = resolved(call)
    newest = {row["context"]: row for row in reversed(_statuses(call, repository, sha))}
    states = {row["state"] for row in newest.values()}
    state = "failure" if states & {"error", "failure"} else "success" if states == {"success"} else "pending"
    url = f"{shapes.repository_url(call.github, repository)}/commits/{sha}"

    def whole(page: list[Any], total: int) -> dict[str, Any]:
        return {
            "state": state,
            "sha": sha,
            "total_count": total,
            "statuses": page,
            "repository": shapes.repository(call.github, repository),
            "commit_url": url,
            "url": f"{url}/status",
        }

    return call.paged(newest.values(), lambda row: _status(call, repository, row), whole)


def _statuses(call: Call, repository: Row, sha: str) -> list[Row]:
    """Return the statuses of a commit, newest first."""
    return call.github.db.all(
        "SELECT * FROM statuses WHERE repository_id = ? AND sha = ? ORDER BY id DESC", repository["id"], sha
    )


def _status(call: Call, repository: Row, row: Row) -> dict[str, Any]:
    """Return the schema status (and simple-commit-status)."""
    creator = shapes.simple_user(call.github, call.github.user_by_id(row["user_id"]))
    return {
        "id": row["id"],
        "node_id": shapes.node_id("SC", row["id"]),
        "url": f"{shapes.repository_url(call.github, repository)}/statuses/{row['sha']}",
        "avatar_url": creator["avatar_url"],
        **{name: row[name] for name in ("state", "context", "description", "target_url", "created_at")},
        "updated_at": row["created_at"],
        "creator": creator,
    }


def resolved(call: Call) -> tuple[Row, str]:
    """Return the repository and the commit in the path; raise 422 if there is no such commit."""
    repository = call.repository()
    sha = call.git(repository).resolve(call.parameter("ref"))
    if sha is None:
        raise ApiError(422, f"No commit found for SHA: {call.parameter('ref')}")
    return repository, sha


_REPO = "/repos/{owner}/{repo}"
TABLE = (
    ("GET", f"{_REPO}/branches", branches),
    ("GET", f"{_REPO}/branches/{{branch:path}}", branch),
    ("GET", f"{_REPO}/tags", tags),
    ("GET", f"{_REPO}/commits", commits),
    ("GET", f"{_REPO}/commits/{{ref:path}}/pulls", commit_pulls),
    ("GET", f"{_REPO}/commits/{{ref:path}}/status", combined_status),
    ("GET", f"{_REPO}/commits/{{ref:path}}/statuses", statuses),
    ("GET", f"{_REPO}/commits/{{ref:path}}", commit),
    ("GET", f"{_REPO}/compare/{{basehead:path}}", compare),
    ("GET", f"{_REPO}/statuses/{{ref:path}}", statuses),  # the old path of the list, which PyGithub uses
    ("POST", f"{_REPO}/statuses/{{sha}}", create_status),
)
