"""What a lint verdict holds for: its base and head, whose workflow gave it, and whether it may be green."""

from dataclasses import dataclass
from typing import Any

from github.GithubException import UnknownObjectException
from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.errors import UserError
from bot.github.relint import WORKFLOW
from bot.plan import Plan
from bot.recipe import Recipe

WORKFLOWS = ".github"
STEERING = {WORKFLOWS, "arborist.yaml", "recipes", "runners", "prompts", ".gitattributes", ".gitmodules"}
"""Files and folders at a repository's root that decide how the bot itself works."""
TAXONOMY = "taxonomy/"
MOST_FILES = 300
"""How many files GitHub lists in a comparison."""
WRITERS = ("admin", "write")
"""Permissions, as GitHub simplifies roles for them, with which an approval counts."""


@dataclass(frozen=True)
class Verdict:
    """The pull request that a report is for, and how far the report can be believed.

    Attributes:
        steering: what of STEERING the pull request changes.
        trusted: whether a workflow of the base or of the default branch made the report, so that the pull
            request had no part in it.
        approver: who with write access approved this very commit; empty if nobody did.
        stale: whether the base has changed since in a way that may change the verdict.
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
    """Check what an artifact says against GitHub.

    Args:
        run: the run of lint that handed it over, from the event.

    Returns:
        None where the pull request has another head or another base by now: the next run tells.

    Raises:
        UserError: the artifact and GitHub contradict each other.
    """
    pull = repository.get_pull(plan.pull)
    dispatched = run["event"] == "workflow_dispatch"
    if run["path"].partition("@")[0] != f"{WORKFLOWS}/workflows/{WORKFLOW}":
        raise UserError(f"run {run['id']}: made by {run['path']}, not by {WORKFLOW}", code=1)
    if dispatched:
        _check_dispatch(repository, run)
    else:
        _check_source(pull, run, plan)
    if (pull.head.sha, pull.base.ref) != (plan.head, plan.base_ref):
        return None
    steering = _steering(repository, plan, recipe)
    approver = _approver(repository, pull) if steering else ""
    trusted = dispatched or WORKFLOWS not in steering
    return Verdict(pull, steering, trusted, approver, _stale(repository, plan))


def _check_dispatch(repository: Repository, run: dict[str, Any]) -> None:
    """Check that a run started by hand ran the default branch's own workflow."""
    branch = repository.default_branch
    source = (run.get("head_repository") or {}).get("full_name")
    if run["head_branch"] != branch or source != repository.full_name:
        raise UserError(f"run {run['id']}: started by hand, and not on {branch}", code=1)
    # A tag may have the branch's name.
    if repository.compare(run["head_sha"], branch).status not in ("ahead", "identical"):
        raise UserError(f"run {run['id']}: {run['head_sha'][:7]} is not a commit of {branch}", code=1)


def _check_source(pull: PullRequest, run: dict[str, Any], plan: Plan) -> None:
    """Check that a pull request's run was for the pull request and commit that its artifact names."""
    head = run["head_sha"]
    if plan.head != head:
        raise UserError(f"artifact: speaks of commit {plan.head[:7]}, but the run was for {head[:7]}", code=1)
    # A fork may be gone by now; then the commit alone says whose run it was.
    source = (run.get("head_repository") or {}).get("full_name")
    if pull.head.repo is not None and pull.head.repo.full_name != source:
        raise UserError(f"artifact: pull request {plan.pull} is not from {source}", code=1)


def _steering(repository: Repository, plan: Plan, recipe: Recipe) -> tuple[str, ...]:
    """What a pull request changes of the files that decide how the bot works."""
    prompts = recipe.generate.prompts.strip("./").partition("/")[0]
    names = STEERING | ({prompts} if prompts else set())
    left = repository.compare(plan.base_ref, plan.head).merge_base_commit.sha
    before, after = (
        {entry.path: entry.sha for entry in repository.get_git_tree(commit).tree}
        for commit in (left, plan.head)
    )
    return tuple(sorted(name for name in names if before.get(name) != after.get(name)))


def _stale(repository: Repository, plan: Plan) -> bool:
    """Whether the base branch has changed since, in what lint reads."""
    try:
        since = repository.compare(plan.base, plan.base_ref)
    except UnknownObjectException:
        raise UserError(f"artifact: there is no base commit {plan.base[:7]}", code=1) from None
    if since.status == "identical":
        return False
    names = [file.filename for file in since.files]
    read = (TAXONOMY, *(f"{name}/" for name in STEERING), "arborist.yaml")
    return since.status != "ahead" or len(names) >= MOST_FILES or any(name.startswith(read) for name in names)


def _approver(repository: Repository, pull: PullRequest) -> str:
    """Somebody with write access whose last word on the newest commit is an approval; empty if nobody."""
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
