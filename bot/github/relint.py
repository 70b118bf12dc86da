"""Start lint anew for a pull request, against its base as that is now."""

from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.errors import UserError

WORKFLOW = "lint.yml"


def start_lint(repository: Repository, pull: PullRequest) -> str:
    """Start the default branch's own lint workflow for a pull request; returns the base commit.

    To run the pull request's last lint again would lint it against the base of that time, and by the workflow
    files that the pull request had.
    """
    base = repository.get_branch(pull.base.ref).commit.sha
    inputs = {
        "pull": str(pull.number),
        "head": pull.head.sha,
        "base_ref": pull.base.ref,
        "author": pull.user.login,
    }
    if not repository.get_workflow(WORKFLOW).create_dispatch(repository.default_branch, inputs):
        raise UserError(f"{WORKFLOW} could not be started: GitHub refused the dispatch")
    return base
