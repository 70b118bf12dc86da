"""Routes of repositories, forks, organizations and merges of branches."""

from starlette.responses import Response

from bot.core.errors import UserError
from localworld.github import branches, shapes
from localworld.github.auth import at_least, require_user, role_of
from localworld.github.db import Row
from localworld.github.emit_event import emit_event, organization_fields
from localworld.github.errors import ApiError, invalid, not_found
from localworld.github.http import Call


def get(call: Call) -> Response:
    """GET /repos/{owner}/{repo}"""
    return call.reply(shapes.full_repository(call.github, call.repository(), call.caller))


def create(call: Call) -> Response:
    """POST /user/repos"""
    user = require_user(call.caller)
    name = call.text("Repository", "name")
    try:
        row = call.github.create_repository(
            user["login"],
            name,
            description=call.optional("Repository", "description"),
            private=bool(call.fields().get("private")),
        )
    except UserError as error:
        raise invalid("Repository", "name", message=str(error)) from None
    return call.reply(shapes.full_repository(call.github, row, call.caller), 201)


def update(call: Call) -> Response:
    """PATCH /repos/{owner}/{repo}: description and default_branch"""
    row = call.repository()
    call.require(row, "admin", "administration")
    branch = call.optional("Repository", "default_branch")
    values = {"description": call.optional("Repository", "description"), "default_branch": branch}
    if branch is not None:
        if call.git(row).branch(branch) is None:
            raise invalid("Repository", "default_branch")
        call.git(row).run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    call.github.db.update("repositories", row["id"], **{k: v for k, v in values.items() if v is not None})
    return call.reply(shapes.full_repository(call.github, call.repository(), call.caller))


def delete(call: Call) -> Response:
    """DELETE /repos/{owner}/{repo}; pull requests from it stay, with `head.repo` null"""
    row = call.repository()
    call.require(row, "admin", "administration")
    emit_event(call.github, "repository", "deleted", row, call.caller, {})
    call.github.delete_repository(row)
    return Response(status_code=204)


def fork(call: Call) -> Response:
    """POST /repos/{owner}/{repo}/forks; returns the existing fork if there is one"""
    parent, user = call.repository(), require_user(call.caller)
    if call.caller.permissions is not None:
        raise ApiError(403, "Resource not accessible by integration")
    row = _fork_of(call, parent, user)
    if row is None:
        try:
            row = call.github.create_repository(
                user["login"],
                call.optional("Repository", "name") or parent["name"],
                description=parent["description"],
                private=bool(parent["private"]),
                parent=parent,
            )
        except UserError as error:
            raise invalid("Repository", "name", message=str(error)) from None
        payload = {"forkee": shapes.repository(call.github, row)}
        emit_event(call.github, "fork", "", parent, call.caller, payload)
    return call.reply(shapes.full_repository(call.github, row, call.caller), 202)


def forks(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/forks"""
    rows = call.github.db.all(
        "SELECT * FROM present WHERE parent_id = ? ORDER BY id DESC",
        call.repository()["id"],
    )
    seen = [row for row in rows if at_least(role_of(call.github, call.caller, row), "read")]
    return call.paged(seen, lambda row: shapes.repository(call.github, row, call.caller))


def _fork_of(call: Call, parent: Row, user: Row) -> Row | None:
    """Return the user's fork of a repository, the repository itself if they own it, or None."""
    if parent["owner_id"] == user["id"]:
        return parent
    return call.github.db.one(
        "SELECT * FROM present WHERE parent_id = ? AND owner_id = ?",
        parent["id"],
        user["id"],
    )


def mine(call: Call) -> Response:
    """GET /user/repos: repositories whose owner or collaborator the caller is"""
    user = require_user(call.caller)
    rows = call.github.db.all(
        "SELECT * FROM present WHERE owner_id = ? OR id IN "
        "(SELECT repository_id FROM collaborators WHERE user_id = ?) ORDER BY full_name",
        *(user["id"], user["id"]),
    )
    return call.paged(rows, lambda row: shapes.repository(call.github, row, call.caller))


def of_account(call: Call) -> Response:
    """GET /users/{login}/repos and /orgs/{login}/repos"""
    rows = call.github.db.all(
        "SELECT * FROM present WHERE owner_id = ? ORDER BY full_name",
        _account(call)["id"],
    )
    seen = [row for row in rows if at_least(role_of(call.github, call.caller, row), "read")]
    return call.paged(seen, lambda row: shapes.repository(call.github, row, call.caller))


def organization(call: Call) -> Response:
    """GET /orgs/{login}"""
    account = _account(call)
    if account["type"] != "Organization":
        raise not_found()
    user = shapes.public_user(call.github, account)
    shared = ("public_repos", "public_gists", "followers", "following", "created_at", "updated_at")
    content = {
        **organization_fields(call.github, account),
        **{name: user[name] for name in shared},
        "html_url": user["html_url"],
        "type": "Organization",
        "has_organization_projects": False,
        "has_repository_projects": False,
        "archived_at": None,
    }
    return call.reply(content)


def _account(call: Call) -> Row:
    account = call.github.user(call.parameter("login"))
    if account is None:
        raise not_found()
    return account


def merge_upstream(call: Call) -> Response:
    """POST /repos/{owner}/{repo}/merge-upstream: merge the parent's branch into the fork's"""
    row = call.repository()
    call.require(row, "write", "contents")
    branch = call.text("Repository", "branch")
    if row["parent_id"] is None:
        raise ApiError(422, "The repository is not a fork")
    parent = call.github.repository_by_id(row["parent_id"])
    sha = call.git(parent).branch(branch)
    if sha is None:
        raise ApiError(422, f"Upstream has no branch {branch}")
    owner = parent["full_name"].partition("/")[0]
    kind, _ = branches.merge_into_branch(
        call.github,
        row,
        branch,
        (call.git(parent), sha),
        call.caller,
        f"Merge branch '{owner}:{branch}' into {branch}\n",
        fast_forward=True,
    )
    text = "This branch is not behind the upstream" if kind == "none" else "Successfully fetched and merged"
    return call.reply({"message": text, "merge_type": kind, "base_branch": f"{owner}:{branch}"})


def merge(call: Call) -> Response:
    """POST /repos/{owner}/{repo}/merges: merge a branch or commit into a branch"""
    row = call.repository()
    call.require(row, "write", "contents")
    base, head = call.text("Repository", "base"), call.text("Repository", "head")
    git = call.git(row)
    sha = git.resolve(head)
    if sha is None:
        raise ApiError(404, "Head does not exist")
    message = call.optional("Repository", "commit_message") or f"Merge {head} into {base}"
    kind, tip = branches.merge_into_branch(
        call.github, row, base, (git, sha), call.caller, f"{message}\n", fast_forward=False
    )
    if kind == "none":
        return Response(status_code=204)
    return call.reply(shapes.commit(call.github, row, git.commit(tip)), 201)


TABLE = (
    ("GET", "/user/repos", mine),
    ("POST", "/user/repos", create),
    ("GET", "/users/{login}/repos", of_account),
    ("GET", "/orgs/{login}/repos", of_account),
    ("GET", "/orgs/{login}", organization),
    ("GET", "/repos/{owner}/{repo}", get),
    ("PATCH", "/repos/{owner}/{repo}", update),
    ("DELETE", "/repos/{owner}/{repo}", delete),
    ("GET", "/repos/{owner}/{repo}/forks", forks),
    ("POST", "/repos/{owner}/{repo}/forks", fork),
    ("POST", "/repos/{owner}/{repo}/merge-upstream", merge_upstream),
    ("POST", "/repos/{owner}/{repo}/merges", merge),
)
