"""Lint a pull request again, against its current base."""

from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.core.errors import UserError

WORKFLOW = "lint.yml"


def start_lint(repository: Repository, pull: PullRequest) -> str:
    """Start the default branch's lint workflow for a pull request.

    A re-run of the pull request's last lint run would use the old base, and the pull request's own workflow
    files.

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
    if not repository.get_workflow(WORKFLOW).create_dispatch(repository.default_branch, inputs):
        raise UserError(f"{WORKFLOW} could not be started: GitHub refused the dispatch; is it disabled?")
    return base
