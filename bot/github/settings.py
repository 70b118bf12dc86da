"""What a repository must have set on GitHub: looked for by `arborist doctor`, made by `arborist init`."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from github.EnvironmentDeploymentBranchPolicy import EnvironmentDeploymentBranchPolicyParams
from github.Repository import Repository

from bot.diagnosis import Diagnosis
from bot.errors import UserError
from bot.github.answers import HOLD
from bot.github.client import github_errors
from bot.github.rights import LABEL
from bot.recipe import Recipe

KEY, ENVIRONMENT = "ARBORIST_SIGNING_KEY", "release"
CHECKS = ("lint / lint", "lint")
"""The lint job's check, where arborist's workflow is called and in its own repository. It reports in a merge
queue, too, which `arborist lint`, the check with the findings, does not."""


@dataclass(frozen=True)
class Setting:
    """Something to be set.

    Attributes:
        look: what is there already, in words; empty if nothing is.
        make: sets it, and says what was made.
        lack: what it is needed for.
    """

    name: str
    look: Callable[[Repository], str]
    make: Callable[[Repository], str]
    lack: str


def look(repository: Repository, recipe: Recipe) -> Iterator[Diagnosis]:
    """What is set, and what is not.

    Raises:
        UserError: GitHub refused to say.
    """
    for setting in _settings(recipe):
        with github_errors(setting.name):
            found = setting.look(repository)
        lack = f"not there: {setting.lack}; `arborist init` makes it"
        yield Diagnosis(setting.name, "ok" if found else "missing", found or lack)


def make(repository: Repository, recipe: Recipe) -> Iterator[Diagnosis]:
    """Set what is not set; what GitHub refuses is said, and the rest is set nevertheless."""
    for setting in _settings(recipe):
        try:
            with github_errors(f"setting it up for {setting.lack}"):
                found = setting.look(repository) or setting.make(repository)
        except UserError as error:
            yield Diagnosis(setting.name, "missing", str(error))
        else:
            yield Diagnosis(setting.name, "ok", found)


def _settings(recipe: Recipe) -> Iterator[Setting]:
    yield Setting(KEY, _key, _make_key, "the bot signs its comments with it")
    allowed = {who for people in recipe.commands.values() for who in people}
    for label in [HOLD, *sorted(who.removeprefix(LABEL) for who in allowed if who.startswith(LABEL))]:
        yield _label(label)
    # In this order: the environment is for protected branches, of which there should be one by then.
    yield Setting("protection", _protection, _protect, "nothing is merged that lint did not pass")
    yield Setting(ENVIRONMENT, _environment, _make_environment, "releases are made in this environment")


def _key(repository: Repository) -> str:
    return "is set" if KEY in {secret.name for secret in repository.get_secrets()} else ""


def _make_key(repository: Repository) -> str:
    repository.create_secret(KEY, secrets.token_hex(32))
    return "set to something random"


def _label(name: str) -> Setting:
    def there(repository: Repository) -> str:
        known = {label.name.lower() for label in repository.get_labels()}
        return f"the label {name} is there" if name.lower() in known else ""

    def create(repository: Repository) -> str:
        about = "No GPU runner does anything for it" if name == HOLD else "Opens commands to the author"
        repository.create_label(name, "fbca04", about)
        return f"made the label {name}"

    return Setting(f"label {name}", there, create, "a command needs this label")


def _environment(repository: Repository) -> str:
    known = {environment.name for environment in repository.get_environments()}
    return "the environment is there" if ENVIRONMENT in known else ""


def _make_environment(repository: Repository) -> str:
    """Only protected branches come into it; who must approve a release, a maintainer adds."""
    policy = EnvironmentDeploymentBranchPolicyParams(protected_branches=True, custom_branch_policies=False)
    repository.create_environment(ENVIRONMENT, deployment_branch_policy=policy)
    return "made the environment, for protected branches only"


def _protection(repository: Repository) -> str:
    branch = repository.get_branch(repository.default_branch)
    required = (branch.raw_data.get("protection") or {}).get("required_status_checks") or {}
    asked = [check for check in CHECKS if check in required.get("contexts", ())]
    if branch.protected and not asked:  # somebody's own protection is theirs to change
        return f"{branch.name} is protected, though not by the check {' or '.join(CHECKS)}"
    return f"{branch.name} asks for the check {asked[0]}" if asked else ""


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
