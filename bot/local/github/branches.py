"""One branch brought into another through the API: a fork's, a pull request's, or any."""

from typing import TYPE_CHECKING

from bot.local.github import merge, pushes, shapes
from bot.local.github.auth import Caller, require_user
from bot.local.github.clock import now
from bot.local.github.db import Row
from bot.local.github.errors import ApiError
from bot.local.github.git import Git, Signature
from bot.local.github.pulls import WEB_FLOW

if TYPE_CHECKING:
    from bot.local.github.state import GitHub


def bring(
    github: "GitHub",
    repository: Row,
    branch: str,
    source: tuple[Git, str],
    caller: Caller,
    message: str,
    *,
    fast_forward: bool,
) -> tuple[str, str]:
    """Bring a commit into a branch.

    Args:
        source: where the commit is, and its SHA.
        message: of the merge commit, if one is needed.
        fast_forward: whether to move the branch only, where that is enough.

    Returns:
        What was done, `none`, `fast-forward` or `merge`, and the branch's tip afterwards.

    Raises:
        ApiError: 404, there is no such branch; 409, they conflict.
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
            merged = merge.merge(git, tip, sha, message, author, web)
            if merged is None:
                raise ApiError(409, "There are merge conflicts")
            kind, made = "merge", merged
        git.set_ref(ref, made, tip)
        pushes.moved(github, repository, caller, [(ref, tip, made)])
        return kind, made
