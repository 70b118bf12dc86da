"""Merge pull requests, with a merge commit, by squashing or by rebasing."""

from localworld.github import git_merge, protection, pulls, pushes, shapes
from localworld.github.caller import Caller
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.errors import ApiError
from localworld.github.git import Signature
from localworld.github.state import GitHub


def merge_pull(
    github: GitHub, repository: Row, number: int, caller: Caller, method: str, title: str, text: str
) -> str:
    """Merge a pull request.

    Args:
        number: number of the pull request.
        method: merge, squash or rebase.
        title, text: the commit's title and message; GitHub's default text where empty.

    Returns:
        SHA of the new tip of the base branch.

    Raises:
        ApiError: 405, the pull request has conflicts, is a draft, is closed or lacks a required check.
    """
    with github.writing:
        pull = pulls.find(github, repository, number)
        if pull["state"] != "open" or pull["draft"] or not pull["mergeable"]:
            raise ApiError(405, "Pull Request is not mergeable")
        if reason := protection.merge_blocker(github, repository, pull, caller):
            raise ApiError(405, reason)
        git = github.git(repository["full_name"])
        base_sha = git.branch(pull["base_ref"])
        sha = base_sha and _merged(github, repository, pull, base_sha, caller, (method, title, text))
        if base_sha is None or sha is None:
            raise ApiError(405, "Pull Request is not mergeable")
        ref = f"refs/heads/{pull['base_ref']}"
        git.set_ref(ref, sha, base_sha)
        pulls.mark_merged(github, repository, pull, sha, caller)
        pushes.moved(github, repository, caller, [(ref, base_sha, sha)], merges=True)
        return sha


def _merged(
    github: GitHub, repository: Row, pull: Row, base: str, caller: Caller, how: tuple[str, str, str]
) -> str | None:
    """Write the commit of a merge on top of `base`; return its SHA, or None if there are conflicts.

    Args:
        how: method, title and message; see `merge_pull`.
    """
    git = github.git(repository["full_name"])
    method, title, text = how
    moment = now()
    web = Signature(*pulls.WEB_FLOW, moment)
    author = shapes.signature_of(caller.user, moment) if caller.user else web
    head = pull["head_sha"]
    if method == "rebase":
        return git_merge.rebase(git, base, head, author)
    if method == "squash":
        commits = git.commits(f"{base}..{head}", options=("--reverse",))
        one = len(commits) == 1
        first_line, _, rest = commits[0].message.partition("\n") if one else (pull["title"], "", "")
        listed = rest.strip() if one else "\n\n".join(f"* {commit.message}" for commit in commits)
        message = _message(title or f"{first_line} (#{pull['number']})", text or listed)
        writer = github.user_by_id(pull["user_id"])
        return git_merge.squash(git, base, head, message, shapes.signature_of(writer, moment), web)
    source = github.repository_by_id(pull["head_repository_id"])["full_name"].partition("/")[0]
    default = f"Merge pull request #{pull['number']} from {source}/{pull['head_ref']}"
    return git_merge.merge(git, base, head, _message(title or default, text or pull["title"]), author, web)


def _message(title: str, text: str) -> str:
    return f"{title}\n\n{text}\n" if text else f"{title}\n"
