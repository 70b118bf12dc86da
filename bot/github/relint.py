"""Lint a pull request again, against its current base."""

from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.github.dispatch import dispatch

WORKFLOW = "lint.yml"
"""The lint workflow's file; a repository may have a prefix before it (`workflows` in arborist.yaml)."""


def start_lint(repository: Repository, pull: PullRequest, prefix: str = "") -> str:
    """Start the default branch's lint workflow for a pull request.

    A re-run of the pull request's last lint run would use the old base, and the pull request's own workflow
    files.

    Args:
        prefix: the text before the names of the workflow files.

    Returns:
        The base commit.

    Raises:
        UserError: GitHub does not start the workflow.
    """
    base = repository.get_branch(pull.base.ref).commit.sha
    inputs = {
        "pull": str(pull.number),
        "head": pull.head.sha,
        "base_ref": pull.base.ref,
        "author": pull.user.login,
    }
    dispatch(repository, f"{prefix}{WORKFLOW}", inputs)
    return base
