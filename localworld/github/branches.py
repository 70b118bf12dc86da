"""Merge one branch into another through the API."""

from localworld.github import git_merge, pushes, shapes
from localworld.github.auth import require_user
from localworld.github.caller import Caller
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.errors import ApiError
from localworld.github.git import Git, Signature
from localworld.github.pulls import WEB_FLOW
from localworld.github.state import GitHub


def merge_into_branch(
    github: GitHub,
    repository: Row,
    branch: str,
    source: tuple[Git, str],
    caller: Caller,
    message: str,
    *,
    fast_forward: bool,
) -> tuple[str, str]:
    """Merge a commit into a branch.

    Args:
        source: the repository that has the commit, which may be a fork, and the SHA of the commit.
        message: message of the merge commit, if one is needed.
        fast_forward: whether to fast-forward the branch if possible.

    Returns:
        The kind of merge (`none`, `fast-forward` or `merge`) and the new tip of the branch.

    Raises:
        ApiError: 404, there is no such branch; 409, there are merge conflicts.
    """
    user, (origin, sha) = require_user(caller), source
    git, ref = github.git(repository["full_name"]), f"refs/heads/{branch}"
    with github.writing:
        tip = git.branch(branch)
        if tip is None:
            raise ApiError(404, "Branch not found")
        if git.kind(sha) is None:
            git.fetch(origin.path, sha)
        if git.is_ancestor(sha, tip):
            return "none", tip
        if fast_forward and git.is_ancestor(tip, sha):
            kind, made = "fast-forward", sha
        else:
            author, web = shapes.signature_of(user, now()), Signature(*WEB_FLOW, now())
            merged = git_merge.merge(git, tip, sha, message, author, web)
            if merged is None:
                raise ApiError(409, "There are merge conflicts")
            kind, made = "merge", merged
        git.set_ref(ref, made, tip)
        pushes.moved(github, repository, caller, [(ref, tip, made)])
        return kind, made
