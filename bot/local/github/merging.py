"""Merging a pull request: by a merge commit, squashed, or rebased."""

from typing import TYPE_CHECKING

from bot.local.github import merge, protection, pulls, pushes, shapes
from bot.local.github.auth import Caller
from bot.local.github.clock import now
from bot.local.github.db import Row
from bot.local.github.errors import ApiError
from bot.local.github.git import Signature

if TYPE_CHECKING:
    from bot.local.github.state import GitHub


def merge_pull(
    github: "GitHub", repository: Row, number: int, caller: Caller, method: str, title: str, text: str
) -> str:
    """Merge a pull request; returns the SHA of the base branch's new tip.

    Args:
        method: merge, squash or rebase.
        title, text: the commit's title and message; GitHub's own words where empty.

    Raises:
        ApiError: 405, it cannot be merged, or not yet; 409, the base branch moved meanwhile.
    """
    with github.writing:
        pull = pulls.find(github, repository, number)
        if pull["state"] != "open" or pull["draft"] or not pull["mergeable"]:
            raise ApiError(405, "Pull Request is not mergeable")
        if why := protection.hindrance(github, repository, pull, caller):
            raise ApiError(405, why)
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
    github: "GitHub", repository: Row, pull: Row, base: str, caller: Caller, how: tuple[str, str, str]
) -> str | None:
    """The commit that merging makes, on top of `base`; None if it conflicts."""
    git = github.git(repository["full_name"])
    method, title, text = how
    moment = now()
    web = Signature(*pulls.WEB_FLOW, moment)
    author = shapes.signature_of(caller.user, moment) if caller.user else web
    head = pull["head_sha"]
    if method == "rebase":
        return merge.rebase(git, base, head, author)
    if method == "squash":
        commits = git.commits(f"{base}..{head}", options=("--reverse",))
        one = len(commits) == 1
        first_line, _, rest = commits[0].message.partition("\n") if one else (pull["title"], "", "")
        listed = rest.strip() if one else "\n\n".join(f"* {commit.message}" for commit in commits)
        message = _message(title or f"{first_line} (#{pull['number']})", text or listed)
        writer = github.user_by_id(pull["user_id"])
        return merge.squash(git, base, head, message, shapes.signature_of(writer, moment), web)
    source = github.repository_by_id(pull["head_repository_id"])["full_name"].partition("/")[0]
    default = f"Merge pull request #{pull['number']} from {source}/{pull['head_ref']}"
    return merge.merge(git, base, head, _message(title or default, text or pull["title"]), author, web)


def _message(title: str, text: str) -> str:
    return f"{title}\n\n{text}\n" if text else f"{title}\n"
