"""The settings that a repository needs on GitHub: `doctor` checks them, `init` applies them."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from github.Environment import Environment
from github.EnvironmentDeploymentBranchPolicy import EnvironmentDeploymentBranchPolicyParams
from github.GithubException import UnknownObjectException
from github.Repository import Repository

from bot.config.recipe import Recipe
from bot.core.diagnosis import Diagnosis, seen
from bot.core.errors import UserError
from bot.github.client import github_errors
from bot.github.rights import LABEL
from bot.github.runners import bound_group
from bot.github.slash_commands import HOLD

KEY, ENVIRONMENT = "ARBORIST_SIGNING_KEY", "release"
APPROVAL = "actions/permissions/fork-pr-contributor-approval"
ALL_OUTSIDERS = "all_external_contributors"
"""The policy that requires approval for the workflows of all outside contributors."""
CHECKS = ("lint / lint", "lint")
"""The check of the lint job: in a repository that calls arborist's workflow, and in arborist's own. Unlike
`arborist lint`, the check with the findings, it also runs in a merge queue."""


@dataclass(frozen=True)
class Setting:
    """A setting on GitHub.

    Attributes:
        look: checks the setting.
        make: applies the setting, and returns a description of the change.
        lack: why the setting is needed.
    """

    name: str
    look: Callable[[Repository], Diagnosis]
    make: Callable[[Repository], str]
    lack: str


def look(repository: Repository, recipe: Recipe) -> Iterator[Diagnosis]:
    """Check all settings.

    Raises:
        UserError: GitHub refused a request.
    """
    for setting in _settings(recipe):
        with github_errors(setting.name):
            yield setting.look(repository)


def make(repository: Repository, recipe: Recipe) -> Iterator[Diagnosis]:
    """Apply the settings that are missing. If GitHub refuses one, report it and go on with the others."""
    for setting in _settings(recipe):
        try:
            with github_errors(f"setting it up ({setting.lack})"):
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
    yield Setting("protection", _protection, _protect, "only pull requests that pass lint are merged")
    yield Setting(ENVIRONMENT, _environment, _make_environment, "the release job runs in it")
    yield Setting("approval", approval, _make_approval, "it keeps unreviewed workflows off the GPU runner")


def _found(name: str, what: str, lack: str) -> Diagnosis:
    return seen(name, bool(what), what, f"missing: {lack}; `arborist init` sets it up")


def _key(repository: Repository) -> Diagnosis:
    known = {secret.name for secret in repository.get_secrets()}
    return _found(KEY, "is set" if KEY in known else "", "the bot signs its comments with it")


def _make_key(repository: Repository) -> str:
    repository.create_secret(KEY, secrets.token_hex(32))
    return "set to a random value"


def _label(name: str) -> Setting:
    lack = "a command needs this label"

    def there(repository: Repository) -> Diagnosis:
        known = {label.name.lower() for label in repository.get_labels()}
        return _found(f"label {name}", f"the label {name} exists" if name.lower() in known else "", lack)

    def create(repository: Repository) -> str:
        about = "No GPU work starts for it" if name == HOLD else "Allows commands to the author"
        repository.create_label(name, "fbca04", about)
        return f"created the label {name}"

    return Setting(f"label {name}", there, create, lack)


def environment_of(repository: Repository) -> Environment | None:
    """Return the environment of the release job; None if there is none."""
    try:
        found = repository.get_environment(ENVIRONMENT)
        found.complete()  # the client is lazy: request the environment now
    except UnknownObjectException:
        return None
    return found


def _environment(repository: Repository) -> Diagnosis:
    """Check the environment. GitHub creates it without any rules when a workflow first names it."""
    there = environment_of(repository)
    if there is None:
        return _found(ENVIRONMENT, "", "the release job runs in it")
    reviewed = any(rule.type == "required_reviewers" for rule in there.protection_rules)
    rules = ["a reviewer approves each release"] if reviewed else []
    branches = _branches(repository, there)
    if branches:
        rules.append(f"only {branches} may use it")
    open_ = "has no protection rule: workflows of any branch can read its secrets; `arborist init` adds one"
    return seen(ENVIRONMENT, bool(rules), f"the environment is protected: {' and '.join(rules)}", open_)


def _branches(repository: Repository, environment: Environment) -> str:
    """Return the branches that may use an environment; "" if every branch may."""
    policy = environment.deployment_branch_policy
    if policy is None:
        return ""
    if policy.protected_branches:
        # As long as no branch is protected, this policy allows every branch.
        return "protected branches" if repository.get_branch(repository.default_branch).protected else ""
    names = [one["name"] for one in _policies(environment)]
    return "" if any(set(name) <= {"*", "/"} for name in names) else ", ".join(names) or "no branch"


def _policies(environment: Environment) -> list[dict[str, Any]]:
    url = f"{environment.url}/deployment-branch-policies?per_page=100"
    _, data = environment.requester.requestJsonAndCheck("GET", url)
    policies: list[dict[str, Any]] = data["branch_policies"]
    return policies


def _make_environment(repository: Repository) -> str:
    """Allow only the default branch in the environment. Maintainers can add required reviewers themselves."""
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
    return f"created it, for {branch} only" if there is None else f"restricted it to {branch}"


def approval(repository: Repository) -> Diagnosis:
    """Check that unapproved workflows cannot reach the runner: a workflow can ask for any runner label."""
    try:
        _, data = repository.requester.requestJsonAndCheck("GET", f"{repository.url}/{APPROVAL}")
    except UnknownObjectException:
        why = "GitHub shows no policy for this repository; check it in Settings > Actions > General"
        return Diagnosis("approval", "unknown", why)
    if data["approval_policy"] == ALL_OUTSIDERS:
        return Diagnosis("approval", "ok", "workflows of all outside contributors need approval")
    group = bound_group(repository)
    if group:
        return Diagnosis("approval", "ok", f"only selected workflows may use the runner group {group}")
    fault = (
        f"the policy is {data['approval_policy']}: workflows of outside contributors can reach the GPU runner"
        f"; set {ALL_OUTSIDERS} (`arborist init` does), or restrict the runner group to selected workflows"
    )
    return Diagnosis("approval", "missing", fault)


def _make_approval(repository: Repository) -> str:
    url, wanted = f"{repository.url}/{APPROVAL}", {"approval_policy": ALL_OUTSIDERS}
    repository.requester.requestJsonAndCheck("PUT", url, input=wanted)
    return "changed: workflows of all outside contributors now need approval"


def _protection(repository: Repository) -> Diagnosis:
    branch = repository.get_branch(repository.default_branch)
    required = (branch.raw_data.get("protection") or {}).get("required_status_checks") or {}
    asked = [check for check in CHECKS if check in required.get("contexts", ())]
    if branch.protected and not asked:  # leave protection rules that others set up unchanged
        other = f"{branch.name} is protected, but does not require the check {' or '.join(CHECKS)}"
        return Diagnosis("protection", "ok", other)
    what = f"{branch.name} requires the check {asked[0]}" if asked else ""
    return _found("protection", what, "only pull requests that pass lint are merged")


def _protect(repository: Repository) -> str:
    """Require pull requests that pass lint; administrators may bypass this."""
    branch = repository.default_branch
    rules = {
        "required_status_checks": {"strict": False, "contexts": [CHECKS[0]]},
        "required_pull_request_reviews": {"required_approving_review_count": 0},
        "enforce_admins": False,
        "restrictions": None,
    }
    # PyGithub's edit_protection sends null where GitHub's API expects true or false.
    url = f"{repository.url}/branches/{branch}/protection"
    repository.requester.requestJsonAndCheck("PUT", url, input=rules)
    return f"changed: {branch} now accepts only pull requests that pass {CHECKS[0]}"
