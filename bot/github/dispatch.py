"""Start a workflow of the default branch."""

from collections.abc import Mapping

from github.Repository import Repository
from github.Workflow import Workflow

from bot.core.errors import UserError


def dispatch(repository: Repository, name: str, inputs: Mapping[str, str] | None = None) -> Workflow:
    """Start a workflow on the default branch, and return it.

    Args:
        name: the workflow's file.

    Raises:
        UserError: GitHub does not start it.
    """
    workflow = repository.get_workflow(name)
    if not workflow.create_dispatch(repository.default_branch, dict(inputs or {})):
        raise UserError(f"{name} could not be started: GitHub refused the dispatch; is it disabled?")
    return workflow
