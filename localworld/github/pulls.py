"""Open, update, close and merge pull requests, with their refs in the base repository and their events."""

from typing import Any

from localworld.github import git_merge, issues, shapes, timeline
from localworld.github.caller import Caller
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.emit_event import emit_event
from localworld.github.errors import ApiError, invalid, not_found
from localworld.github.git import Git, Signature
from localworld.github.state import GitHub, is_deleted

QUERY = (
    "SELECT issues.*, base_ref, base_sha, head_repository_id, head_ref, head_sha, draft, "
    "maintainer_can_modify, mergeable, computed, merge_sha, merged_at, merged_by "
    "FROM issues JOIN pulls USING (id) "
)
WEB_FLOW = ("GitHub", "noreply@github.com")  # committer of merges on the web


def find(github: GitHub, repository: Row, number: int) -> Row:
    """Return a pull request, its row of `issues` joined with its row of `pulls`; raise 404 if missing."""
    row = github.db.one(QUERY + "WHERE repository_id = ? AND number = ?", repository["id"], number)
    if row is None:
        raise not_found()
    return row


def create(
    github: GitHub,
    repository: Row,
    caller: Caller,
    head: tuple[Row, str],
    base: str,
    fields: dict[str, Any],
) -> Row:
    """Open a pull request.

    Args:
        head: the repository and branch to merge from.
        base: the branch to merge into.
        fields: title, body, draft, maintainer_can_modify; already validated.

    Returns:
        The pull request, as `find` returns it.

    Raises:
        ApiError: 422, a branch does not exist, has nothing to merge, or has a pull request already.
    """
    source, branch = head
    git, source_git = github.git(repository["full_name"]), github.git(source["full_name"])
    with github.writing:
        base_sha, head_sha = git.branch(base), source_git.branch(branch)
        if base_sha is None or head_sha is None:
            raise invalid("PullRequest", "base" if base_sha is None else "head")
        _bring(git, source_git, head_sha)
        _check_branches(git, (base, base_sha), (branch, head_sha))
        if _open_for(github, repository, base, source["id"], branch):
            owner = source["full_name"].partition("/")[0]
            raise _custom(f"A pull request already exists for {owner}:{branch}.")
        with github.db.transaction():
            issue = issues.create_row(
                github, repository, caller, fields["title"], fields["body"], is_pull=True
            )
            github.db.insert(
                "pulls",
                id=issue["id"],
                base_ref=base,
                base_sha=base_sha,
                head_repository_id=source["id"],
                head_ref=branch,
                head_sha=head_sha,
                draft=int(fields["draft"]),
                maintainer_can_modify=int(fields["maintainer_can_modify"]),
            )
        return refresh(github, repository, find(github, repository, issue["number"]))


def _check_branches(git: Git, base: tuple[str, str], head: tuple[str, str]) -> None:
    """Raise 422 if the head branch has no commits to merge into the base; each is a name and its tip."""
    if git.is_ancestor(head[1], base[1]):
        raise _custom(f"No commits between {base[0]} and {head[0]}")
    if not git.merge_base(base[1], head[1]):
        raise _custom(f"The {head[0]} branch has no history in common with {base[0]}")


def _open_for(github: GitHub, repository: Row, base: str, source_id: int, branch: str) -> Row | None:
    """Return the open pull request from a branch into another, or None; there is at most one."""
    return github.db.one(
        QUERY + "WHERE repository_id = ? AND state = 'open' AND base_ref = ? "
        "AND head_repository_id = ? AND head_ref = ?",
        *(repository["id"], base, source_id, branch),
    )


def retarget(github: GitHub, repository: Row, pull: Row, base: str, caller: Caller) -> None:
    """Change the base branch of a pull request; the caller emits the event `edited`.

    Raises:
        ApiError: 422, the pull request is closed, the branch does not exist, there are no commits to merge,
            or another pull request exists already.
    """
    git = github.git(repository["full_name"])
    with github.writing:
        tip = git.branch(base)
        if pull["state"] != "open":
            raise invalid(
                "PullRequest", "base", message="Cannot change the base branch of a closed pull request."
            )
        if tip is None:
            raise invalid("PullRequest", "base")
        _check_branches(git, (base, tip), (pull["head_ref"], pull["head_sha"]))
        if _open_for(github, repository, base, pull["head_repository_id"], pull["head_ref"]):
            raise _custom(f"A pull request already exists for base branch '{base}'")
        github.db.update("pulls", pull["id"], base_ref=base, base_sha=tip)
        refresh(github, repository, find(github, repository, pull["number"]))
        timeline.record(github, pull, "base_ref_changed", caller)


def refresh(github: GitHub, repository: Row, pull: Row) -> Row:
    """Update an open pull request's refs and test merge to the tips of both branches; return its new row."""
    git = github.git(repository["full_name"])
    source = github.repository_by_id(pull["head_repository_id"])
    base_sha = git.branch(pull["base_ref"]) or pull["base_sha"]
    head_sha = github.git(source["full_name"]).branch(pull["head_ref"]) or pull["head_sha"]
    _bring(git, github.git(source["full_name"]), head_sha)
    git.set_ref(f"refs/pull/{pull['number']}/head", head_sha)
    who = Signature(*WEB_FLOW, now())
    merged = git_merge.merge(git, base_sha, head_sha, f"Merge {head_sha} into {base_sha}", who, who)
    test = f"refs/pull/{pull['number']}/merge"
    if merged:
        git.set_ref(test, merged)
    else:
        git.delete_ref(test)
    values = {"head_sha": head_sha, "merge_sha": merged, "mergeable": int(merged is not None), "computed": 0}
    if head_sha != pull["head_sha"]:
        values["base_sha"] = base_sha
    github.db.update("pulls", pull["id"], **values)
    return find(github, repository, pull["number"])


def head_moved(github: GitHub, source: Row, branch: str, caller: Caller) -> None:
    """Update the open pull requests from a branch after a push to it, and emit `synchronize`."""
    rows = github.db.all(
        QUERY + "WHERE state = 'open' AND head_repository_id = ? AND head_ref = ?", source["id"], branch
    )
    for row in rows:
        repository = github.repository_by_id(row["repository_id"])
        moved = refresh(github, repository, row)
        github.db.update("issues", row["id"], updated_at=now())
        if moved["head_sha"] != row["head_sha"]:
            git = github.git(repository["full_name"])
            if timeline.is_forced(git, row["head_sha"], moved["head_sha"]):
                timeline.record(github, row, "head_ref_force_pushed", caller, commit=moved["head_sha"])
            heads = {"before": row["head_sha"], "after": moved["head_sha"]}
            emit_pull_event(github, repository, row["number"], "synchronize", caller, heads)


def base_moved(github: GitHub, repository: Row, branch: str, caller: Caller, *, forced: bool = False) -> None:
    """Update the open pull requests into a branch after a push to it.

    A pull request whose head the branch now contains is marked as merged; the others get a new test merge.
    """
    git = github.git(repository["full_name"])
    tip = git.branch(branch)
    rows = github.db.all(
        QUERY + "WHERE state = 'open' AND repository_id = ? AND base_ref = ?", repository["id"], branch
    )
    for row in rows:
        if forced:
            timeline.record(github, row, "base_ref_force_pushed", caller, commit=tip)
        if tip and git.is_ancestor(row["head_sha"], tip):
            mark_merged(github, repository, row, tip, caller)
        else:
            refresh(github, repository, row)


def close(github: GitHub, repository: Row, row: Row, caller: Caller) -> None:
    """Close an open pull request without merging it."""
    moment = now()
    by = caller.user["id"] if caller.user else None
    github.db.update("issues", row["id"], state="closed", closed_at=moment, updated_at=moment, closed_by=by)
    timeline.record(github, row, "closed", caller)
    emit_pull_event(github, repository, row["number"], "closed", caller)


def reopen(github: GitHub, repository: Row, row: Row, caller: Caller) -> None:
    """Reopen a closed pull request, including the commits that were pushed on top of its head meanwhile.

    Raises:
        ApiError: 422, the pull request was merged, another one for its branch is open, or its branch was
            deleted, recreated or force-pushed.
    """
    if reason := _why_closed(github, repository, row):
        raise invalid("PullRequest", "state", message=f"state cannot be changed. {reason}")
    values = {"state": "open", "closed_at": None, "closed_by": None, "updated_at": now()}
    github.db.update("issues", row["id"], **values)
    refresh(github, repository, row)
    timeline.record(github, row, "reopened", caller)
    emit_pull_event(github, repository, row["number"], "reopened", caller)


def _why_closed(github: GitHub, repository: Row, row: Row) -> str:
    """Return why a closed pull request cannot be reopened; empty if it can."""
    source, branch = github.repository_by_id(row["head_repository_id"]), row["head_ref"]
    if row["merged_at"]:
        return "It has been merged."
    if is_deleted(source):
        return "The repository that submitted this pull request has been deleted."
    if _open_for(github, repository, row["base_ref"], source["id"], branch):
        owner = source["full_name"].partition("/")[0]
        return f"There is already an open pull request from {owner}:{branch} to {row['base_ref']}."
    git = github.git(source["full_name"])
    tip = git.branch(branch)
    if tip is None:
        return f"The {branch} branch has been deleted."
    if timeline.is_forced(git, row["head_sha"], tip):
        return f"The {branch} branch was force-pushed or recreated."
    return ""


def head_deleted(github: GitHub, source: Row, branch: str, caller: Caller) -> None:
    """Record on the pull requests from a branch that the branch was deleted, and close the open ones."""
    for row in github.db.all(QUERY + "WHERE head_repository_id = ? AND head_ref = ?", source["id"], branch):
        timeline.record(github, row, "head_ref_deleted", caller)
        if row["state"] == "open":
            close(github, github.repository_by_id(row["repository_id"]), row, caller)


def mark_merged(github: GitHub, repository: Row, pull: Row, sha: str, caller: Caller) -> None:
    """Close a pull request as merged by a commit on its base."""
    moment = now()
    by = caller.user["id"] if caller.user else None
    with github.db.transaction():
        github.db.update("pulls", pull["id"], merged_at=moment, merged_by=by, merge_sha=sha)
        github.db.update(
            "issues", pull["id"], state="closed", closed_at=moment, updated_at=moment, closed_by=by
        )
    github.git(repository["full_name"]).delete_ref(f"refs/pull/{pull['number']}/merge")
    timeline.record(github, pull, "merged", caller, commit=sha)
    timeline.record(github, pull, "closed", caller)
    emit_pull_event(github, repository, pull["number"], "closed", caller)


def emit_pull_event(
    github: GitHub,
    repository: Row,
    number: int,
    action: str,
    caller: Caller,
    more: dict[str, Any] | None = None,
) -> None:
    """Emit `pull_request`, whose workflow runs check out the test merge, or the head if there is none.

    Args:
        more: fields that the payload has beside `number` and `pull_request`.
    """
    row = find(github, repository, number)
    payload = {"number": number, "pull_request": shapes.pull(github, repository, row), **(more or {})}
    emit_event(
        github,
        "pull_request",
        action,
        repository,
        caller,
        payload,
        sha=row["merge_sha"] or row["head_sha"],
        ref=f"refs/pull/{number}/merge",
        from_fork=row["head_repository_id"] != row["repository_id"],
    )


def emit_issue_event(
    github: GitHub,
    repository: Row,
    number: int,
    action: str,
    caller: Caller,
    more: dict[str, Any] | None = None,
) -> None:
    """Emit `issues` for an issue, `pull_request` for a pull request.

    Args:
        more: additional fields of the payload.
    """
    row = issues.find(github, repository, number)
    if row["is_pull"]:
        emit_pull_event(github, repository, number, action, caller, more)
        return
    payload = {"issue": shapes.event_issue(github, repository, row), **(more or {})}
    emit_event(github, "issues", action, repository, caller, payload)


def _bring(git: Git, source: Git, sha: str) -> None:
    """Fetch a commit of a fork into the base repository, unless it is there already."""
    if git.path != source.path and git.kind(sha) is None:
        git.fetch(source.path, sha)


def _custom(message: str) -> ApiError:
    return ApiError(
        422, "Validation Failed", [{"resource": "PullRequest", "code": "custom", "message": message}]
    )
