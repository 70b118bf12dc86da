"""How far a lint report can be trusted: its head and base, the workflow that made it, and approvals."""

from dataclasses import dataclass
from typing import Any

from github.GithubException import UnknownObjectException
from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.github.relint import WORKFLOW
from bot.pipeline.plan import Plan

WORKFLOWS = ".github"
STEERING = {
    WORKFLOWS,
    "arborist.yaml",
    "recipes",
    "runners",
    "prompts",
    ".arborist",
    ".gitattributes",
    ".gitmodules",
}
"""Files and folders at a repository's root that decide how the bot itself works."""
MOST_FILES = 300
"""How many files GitHub lists in a comparison at most."""
WRITERS = ("admin", "write")
"""Permissions with which an approval counts. GitHub's API reports every role as one of a few permissions."""


@dataclass(frozen=True)
class Verdict:
    """The pull request of a lint report, and how far the report can be trusted.

    Attributes:
        steering: the files and folders of STEERING that the pull request changes.
        trusted: whether a workflow that the pull request does not change made the report.
        approver: a user with write access who approved exactly this commit; empty if nobody did.
        stale: whether the base has changed since the run in a way that may change the result.
    """

    pull: PullRequest
    steering: tuple[str, ...]
    trusted: bool
    approver: str
    stale: bool

    @property
    def may_be_green(self) -> bool:
        return self.trusted and not self.stale and (not self.steering or bool(self.approver))


def judge(repository: Repository, run: dict[str, Any], plan: Plan, recipe: Recipe) -> Verdict | None:
    """Check the claims of an artifact against GitHub's API.

    Args:
        run: the lint run that uploaded the artifact, from the event.
        plan: the plan in the artifact.

    Returns:
        None if the pull request has another head or base by now, which the next run reports.

    Raises:
        UserError: the artifact contradicts GitHub's data.
    """
    pull = repository.get_pull(plan.pull)
    dispatched = run["event"] == "workflow_dispatch"
    workflow = f"{recipe.workflows}{WORKFLOW}"
    if run["path"].partition("@")[0] != f"{WORKFLOWS}/workflows/{workflow}":
        raise UserError(f"run {run['id']}: it is a run of {run['path']}, not of {workflow}", code=1)
    if dispatched:
        _check_dispatch(repository, run)
    else:
        _check_source(pull, run, plan)
    if (pull.head.sha, pull.base.ref) != (plan.head, plan.base_ref):
        return None
    steering = _steering(repository, plan, recipe)
    approver = _approver(repository, pull) if steering else ""
    trusted = dispatched or WORKFLOWS not in steering
    return Verdict(pull, steering, trusted, approver, _stale(repository, plan, recipe))


def _check_dispatch(repository: Repository, run: dict[str, Any]) -> None:
    """Check that a manually started run used the default branch's workflow."""
    branch = repository.default_branch
    source = (run.get("head_repository") or {}).get("full_name")
    if run["head_branch"] != branch or source != repository.full_name:
        raise UserError(f"run {run['id']}: it was started by hand, but not on {branch}", code=1)
    # A tag may have the same name as the branch.
    if repository.compare(run["head_sha"], branch).status not in ("ahead", "identical"):
        raise UserError(f"run {run['id']}: {run['head_sha'][:7]} is not a commit of {branch}", code=1)


def _check_source(pull: PullRequest, run: dict[str, Any], plan: Plan) -> None:
    """Check that a run belongs to the pull request and the commit that its artifact names."""
    head = run["head_sha"]
    if plan.head != head:
        raise UserError(
            f"artifact: plan.json names commit {plan.head[:7]}, but the run was for {head[:7]}", code=1
        )
    # The fork may have been deleted by now; then only the commit identifies the pull request.
    source = (run.get("head_repository") or {}).get("full_name")
    if pull.head.repo is not None and pull.head.repo.full_name != source:
        raise UserError(f"artifact: pull request {plan.pull} is not from {source}", code=1)


def _steering(repository: Repository, plan: Plan, recipe: Recipe) -> tuple[str, ...]:
    """Return the files and folders that decide how the bot works and that a pull request changes."""
    prompts = recipe.generate.prompts.strip("./").partition("/")[0]
    names = STEERING | ({prompts} if prompts else set())
    left = repository.compare(plan.base_ref, plan.head).merge_base_commit.sha
    before, after = (
        {entry.path: entry.sha for entry in repository.get_git_tree(commit).tree}
        for commit in (left, plan.head)
    )
    return tuple(sorted(name for name in names if before.get(name) != after.get(name)))


def _stale(repository: Repository, plan: Plan, recipe: Recipe) -> bool:
    """Return whether files that lint reads have changed on the base branch since the run."""
    try:
        since = repository.compare(plan.base, plan.base_ref)
    except UnknownObjectException:
        raise UserError(
            f"artifact: plan.json names base commit {plan.base[:7]}, which does not exist", code=1
        ) from None
    if since.status == "identical":
        return False
    names = [file.filename for file in since.files]
    read = (*recipe.taxonomy.inside, *(f"{name}/" for name in STEERING), "arborist.yaml")
    return since.status != "ahead" or len(names) >= MOST_FILES or any(name.startswith(read) for name in names)


def _approver(repository: Repository, pull: PullRequest) -> str:
    """Return a user with write access whose last review approves the newest commit; empty if nobody."""
    last = {
        review.user.login: review
        for review in pull.get_reviews()
        if review.user is not None and review.state != "COMMENTED"
    }
    for login, review in last.items():
        approved = review.state == "APPROVED" and review.commit_id == pull.head.sha
        if not approved or login == pull.user.login or review.user.type == "Bot":
            continue
        if repository.get_collaborator_permission(login) in WRITERS:
            return login
    return ""
