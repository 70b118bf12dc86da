"""Handle updated refs, after a push or an API request: emit events and update pull requests."""

from collections.abc import Iterable
from typing import Any

from localworld.github import diff, pulls, shapes, timeline
from localworld.github.caller import Caller
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.emit_event import emit_event
from localworld.github.errors import ApiError
from localworld.github.git import ZERO, Commit, Git
from localworld.github.state import GitHub

COMMITS_IN_PAYLOAD = 20  # limited to keep payloads small


def check_workflow_files(github: GitHub, repository: Row, caller: Caller, sha: str) -> None:
    """Check that a token may create a ref at a commit whose workflow files are not the default branch's.

    GitHub asks for the permission `workflows`, which the GITHUB_TOKEN of a workflow cannot have.

    Raises:
        ApiError: 403, the token lacks the permission.
    """
    git = github.git(repository["full_name"])
    if caller.permissions is None or caller.grants("workflows", "write") or git.tree_of(sha) is None:
        return
    files = {git.entry(at, ".github/workflows") for at in (sha, repository["default_branch"])}
    if len(files) > 1:
        raise ApiError(403, "Resource not accessible by integration")


def moved(
    github: GitHub,
    repository: Row,
    caller: Caller,
    refs: Iterable[tuple[str, str, str]],
    *,
    merges: bool = False,
) -> None:
    """Emit the events of updated refs, record their activity and update the affected pull requests.

    Args:
        refs: (full name, SHA before, SHA after) of each ref; ZERO before its creation or after its deletion.
        merges: whether the update merged a pull request.
    """
    for ref, before, after in refs:
        if before == after:
            continue
        github.db.update("repositories", repository["id"], pushed_at=now(), updated_at=now())
        row = github.repository_by_id(repository["id"])
        _tell_push(github, row, caller, ref, before, after)
        if ZERO in (before, after):
            _tell_created_or_deleted(github, row, caller, ref, deleted=after == ZERO)
        branch = ref.removeprefix("refs/heads/")
        if branch == ref:
            continue
        timeline.record_activity(github, row, caller, (ref, before, after), merges=merges)
        if after == ZERO:
            pulls.head_deleted(github, row, branch, caller)
        else:
            forced = timeline.is_forced(github.git(row["full_name"]), before, after)
            pulls.head_moved(github, row, branch, caller)
            pulls.base_moved(github, row, branch, caller, forced=forced)


def _tell_push(github: GitHub, row: Row, caller: Caller, ref: str, before: str, after: str) -> None:
    git = github.git(row["full_name"])
    commits = _new_commits(git, row, ref, before, after)
    head = None
    if after != ZERO and (tip := git.resolve(after)):
        head = _payload_commit(github, row, git, git.commit(tip))
    span = f"{before[:12]}...{after[:12]}" if ZERO not in (before, after) else (after[:12] or before[:12])
    payload = {
        "ref": ref,
        "before": before,
        "after": after,
        "repository": shapes.push_repository(github, row),
        "pusher": {"name": caller.login, "email": caller.user["email"] if caller.user else None},
        "created": before == ZERO,
        "deleted": after == ZERO,
        "forced": timeline.is_forced(git, before, after),
        "base_ref": None,
        "compare": f"{shapes.web_url(github, row)}/compare/{span}",
        "commits": [_payload_commit(github, row, git, commit) for commit in commits],
        "head_commit": head,
    }
    # A deletion has no commit; the event has the default branch's instead, and GitHub starts no workflow.
    emit_event(github, "push", "", row, caller, payload, sha=after if after != ZERO else None, ref=ref)


def _tell_created_or_deleted(github: GitHub, row: Row, caller: Caller, ref: str, *, deleted: bool) -> None:
    kind = "tag" if ref.startswith("refs/tags/") else "branch"
    name = ref.split("/", 2)[-1]
    payload: dict[str, Any] = {"ref": name, "ref_type": kind, "pusher_type": "user"}
    if not deleted:
        payload |= {"master_branch": row["default_branch"], "description": row["description"]}
    sha = None if deleted else github.git(row["full_name"]).resolve(ref)
    emit_event(
        github,
        "delete" if deleted else "create",
        "",
        row,
        caller,
        payload,
        sha=sha,
        ref=None if deleted else ref,
    )


def _new_commits(git: Git, row: Row, ref: str, before: str, after: str) -> list[Commit]:
    """Return the commits of a push, oldest first; for a new branch, those that the default branch lacks."""
    if after == ZERO or not ref.startswith("refs/heads/"):
        return []
    without = [f"^{before}"] if before != ZERO else []
    default = f"refs/heads/{row['default_branch']}"
    if before == ZERO and ref != default and git.ref(default):
        without = [f"^{default}"]
    newest = git.commits(after, *without, options=(f"--max-count={COMMITS_IN_PAYLOAD}",))
    return newest[::-1]


def _payload_commit(github: GitHub, row: Row, git: Git, commit: Commit) -> dict[str, Any]:
    """Return the JSON of a commit as in the payload of a push."""
    files = diff.changes(git, commit.parents[0] if commit.parents else None, commit.sha)
    people = {}
    for name, signature in (("author", commit.author), ("committer", commit.committer)):
        user = shapes.user_of(github, signature)
        people[name] = {"name": signature.name, "email": signature.email, "date": signature.date}
        if user:
            people[name]["username"] = user["login"]
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "distinct": True,
        "message": commit.message,
        "timestamp": commit.committer.date,
        "url": f"{shapes.web_url(github, row)}/commit/{commit.sha}",
        **people,
        "added": [file.path for file in files if file.status in {"added", "copied"}],
        "removed": [file.path for file in files if file.status == "removed"]
        + [file.previous for file in files if file.status == "renamed"],
        "modified": [file.path for file in files if file.status in {"modified", "changed"}]
        + [file.path for file in files if file.status == "renamed"],
    }
