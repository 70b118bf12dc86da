"""What a repository must have set on GitHub: looked for by `arborist doctor`, made by `arborist init`."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from github.Environment import Environment
from github.EnvironmentDeploymentBranchPolicy import EnvironmentDeploymentBranchPolicyParams
from github.GithubException import UnknownObjectException
from github.Repository import Repository

from bot.diagnosis import Diagnosis, seen
from bot.errors import UserError
from bot.github.answers import HOLD
from bot.github.client import github_errors
from bot.github.rights import LABEL
from bot.github.runners import bound_group
from bot.recipe import Recipe

KEY, ENVIRONMENT = "ARBORIST_SIGNING_KEY", "release"
APPROVAL = "actions/permissions/fork-pr-contributor-approval"
ALL_OUTSIDERS = "all_external_contributors"
"""The policy by which every workflow of an outsider's pull request waits for approval."""
CHECKS = ("lint / lint", "lint")
"""The lint job's check, where arborist's workflow is called and in its own repository. It reports in a merge
queue, too, which `arborist lint`, the check with the findings, does not."""


@dataclass(frozen=True)
class Setting:
    """Something to be set.

    Attributes:
        look: whether it is set as it must be.
        make: sets it, and says what was made.
        lack: what it is needed for.
    """

    name: str
    look: Callable[[Repository], Diagnosis]
    make: Callable[[Repository], str]
    lack: str


def look(repository: Repository, recipe: Recipe) -> Iterator[Diagnosis]:
    """What is set, and what is not.

    Raises:
        UserError: GitHub refused to say.
    """
    for setting in _settings(recipe):
        with github_errors(setting.name):
            yield setting.look(repository)


def make(repository: Repository, recipe: Recipe) -> Iterator[Diagnosis]:
    """Set what is not set; what GitHub refuses is said, and the rest is set nevertheless."""
    for setting in _settings(recipe):
        try:
            with github_errors(f"setting it up for {setting.lack}"):
                found = setting.look(repository)
                if found.state == "missing":
                    made = setting.make(repository)
                    found = setting.look(repository)
                    found = found if found.state == "missing" else Diagnosis(setting.name, "ok", made)
        except UserError as error:
            found = Diagnosis(setting.name, "missing", str(error))
        yield found


def _settings(recipe: Recipe) -> Iterator[Setting]:
    yield Setting(KEY, _key, _make_key, "the bot signs its comments with it")
    allowed = {who for people in recipe.commands.values() for who in people}
    for label in [HOLD, *sorted(who.removeprefix(LABEL) for who in allowed if who.startswith(LABEL))]:
        yield _label(label)
    yield Setting("protection", _protection, _protect, "nothing is merged that lint did not pass")
    yield Setting(ENVIRONMENT, _environment, _make_environment, "releases are made in this environment")
    yield Setting(
        "approval", approval, _make_approval, "no outsider's workflow reaches the GPU runner unseen"
    )


def _found(name: str, what: str, lack: str) -> Diagnosis:
    return seen(name, bool(what), what, f"not there: {lack}; `arborist init` makes it")


def _key(repository: Repository) -> Diagnosis:
    known = {secret.name for secret in repository.get_secrets()}
    return _found(KEY, "is set" if KEY in known else "", "the bot signs its comments with it")


def _make_key(repository: Repository) -> str:
    repository.create_secret(KEY, secrets.token_hex(32))
    return "set to something random"


def _label(name: str) -> Setting:
    lack = "a command needs this label"

    def there(repository: Repository) -> Diagnosis:
        known = {label.name.lower() for label in repository.get_labels()}
        return _found(f"label {name}", f"the label {name} is there" if name.lower() in known else "", lack)

    def create(repository: Repository) -> str:
        about = "No GPU runner does anything for it" if name == HOLD else "Opens commands to the author"
        repository.create_label(name, "fbca04", about)
        return f"made the label {name}"

    return Setting(f"label {name}", there, create, lack)


def environment_of(repository: Repository) -> Environment | None:
    """The environment of releases; None if there is none."""
    try:
        found = repository.get_environment(ENVIRONMENT)
        found.complete()  # the client asks for nothing before it is needed
    except UnknownObjectException:
        return None
    return found


def _environment(repository: Repository) -> Diagnosis:
    """An environment without rules, as GitHub makes it when a workflow names it first, protects nothing."""
    there = environment_of(repository)
    if there is None:
        return _found(ENVIRONMENT, "", "releases are made in this environment")
    reviewed = any(rule.type == "required_reviewers" for rule in there.protection_rules)
    rules = ["a reviewer approves each release"] if reviewed else []
    branches = _branches(repository, there)
    if branches:
        rules.append(f"only {branches} may use it")
    open_ = "has no rule that protects it: workflows of any branch see its secrets; `arborist init` sets one"
    return seen(ENVIRONMENT, bool(rules), f"the environment is protected: {' and '.join(rules)}", open_)


def _branches(repository: Repository, environment: Environment) -> str:
    """The branches that may use an environment; "" if these are all that somebody may push."""
    policy = environment.deployment_branch_policy
    if policy is None:
        return ""
    if policy.protected_branches:
        # While no branch is protected, this lets all of them in.
        return "protected branches" if repository.get_branch(repository.default_branch).protected else ""
    names = [one["name"] for one in _policies(environment)]
    return "" if any(set(name) <= {"*", "/"} for name in names) else ", ".join(names) or "no branch"


def _policies(environment: Environment) -> list[dict[str, Any]]:
    url = f"{environment.url}/deployment-branch-policies?per_page=100"
    _, data = environment.requester.requestJsonAndCheck("GET", url)
    policies: list[dict[str, Any]] = data["branch_policies"]
    return policies


def _make_environment(repository: Repository) -> str:
    """Only the default branch comes into it; who must approve a release, a maintainer adds."""
    there = environment_of(repository)
    waits = [rule.wait_timer for rule in there.protection_rules if rule.type == "wait_timer"] if there else []
    policy = EnvironmentDeploymentBranchPolicyParams(protected_branches=False, custom_branch_policies=True)
    made = repository.create_environment(
        ENVIRONMENT, wait_timer=waits[0] if waits else 0, deployment_branch_policy=policy
    )
    branch = repository.default_branch
    if branch not in {one["name"] for one in _policies(made)}:
        url = f"{made.url}/deployment-branch-policies"
        made.requester.requestJsonAndCheck("POST", url, input={"name": branch})
    return f"made the environment, for {branch} only" if there is None else f"opened it to {branch} only"


def approval(repository: Repository) -> Diagnosis:
    """A pull request's workflow may ask for any label, so whoever starts it reaches the runner."""
    try:
        _, data = repository.requester.requestJsonAndCheck("GET", f"{repository.url}/{APPROVAL}")
    except UnknownObjectException:
        why = "GitHub shows no policy for this repository; look at Settings, Actions, General"
        return Diagnosis("approval", "unknown", why)
    if data["approval_policy"] == ALL_OUTSIDERS:
        return Diagnosis("approval", "ok", "workflows of all outside contributors wait for approval")
    group = bound_group(repository)
    if group:
        return Diagnosis("approval", "ok", f"only named workflows reach the runner group {group}")
    fault = (
        f"the policy is {data['approval_policy']}: a workflow of an outsider may run on the GPU "
        f"runner; set {ALL_OUTSIDERS} (`arborist init` does), or bind the runner's group to workflows"
    )
    return Diagnosis("approval", "missing", fault)


def _make_approval(repository: Repository) -> str:
    url, wanted = f"{repository.url}/{APPROVAL}", {"approval_policy": ALL_OUTSIDERS}
    repository.requester.requestJsonAndCheck("PUT", url, input=wanted)
    return "workflows of all outside contributors wait for approval now"


def _protection(repository: Repository) -> Diagnosis:
    branch = repository.get_branch(repository.default_branch)
    required = (branch.raw_data.get("protection") or {}).get("required_status_checks") or {}
    asked = [check for check in CHECKS if check in required.get("contexts", ())]
    if branch.protected and not asked:  # somebody's own protection is theirs to change
        other = f"{branch.name} is protected, though not by the check {' or '.join(CHECKS)}"
        return Diagnosis("protection", "ok", other)
    what = f"{branch.name} asks for the check {asked[0]}" if asked else ""
    return _found("protection", what, "nothing is merged that lint did not pass")


def _protect(repository: Repository) -> str:
    """Changes come by pull requests that lint has passed; an administrator may do otherwise."""
    branch = repository.default_branch
    stated = {
        "required_status_checks": {"strict": False, "contexts": [CHECKS[0]]},
        "required_pull_request_reviews": {"required_approving_review_count": 0},
        "enforce_admins": False,
        "restrictions": None,
    }
    # PyGithub's edit_protection sends null where GitHub's description wants true or false.
    url = f"{repository.url}/branches/{branch}/protection"
    repository.requester.requestJsonAndCheck("PUT", url, input=stated)
    return f"{branch} takes pull requests that passed {CHECKS[0]}"
