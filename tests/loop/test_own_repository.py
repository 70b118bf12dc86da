"""`arborist init` on a repository that is not arborist's; what then becomes of it tells test_loop.py."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from github.Branch import Branch
from github.Repository import Repository

from localworld.world import claims_of
from tests.helpers.loop import ARBORIST, clean, repository


def protection(branch: Branch) -> list[str]:
    return list(branch.get_protection().required_status_checks.contexts)


def policies(here: Repository) -> list[str]:
    """The branches whose jobs may use the environment of releases."""
    url = f"{here.get_environment('release').url}/deployment-branch-policies"
    _, data = here.requester.requestJsonAndCheck("GET", url)
    return [policy["name"] for policy in data["branch_policies"]]


def test_it_sets_up_files_and_github_and_again_changes_nothing(
    handbook: dict[str, Any], init: Callable[[], str]
) -> None:
    said = init()
    assert "created the label hold" in said
    assert "main now accepts only pull requests that pass lint / lint" in said
    here = repository(handbook, "maintainer")
    assert {secret.name for secret in here.get_secrets()} == {"ARBORIST_SIGNING_KEY"}
    assert policies(here) == ["main"]
    claims = claims_of(here.full_name)
    assert ", ".join(f"{name}={value}" for name, value in claims.items()) in said
    assert protection(here.get_branch("main")) == ["lint / lint"]
    before = [secret.updated_at for secret in here.get_secrets()]
    assert not re.search("written|created|set to|changed|restricted", init())
    assert [secret.updated_at for secret in here.get_secrets()] == before


def test_a_protection_of_their_own_is_left_as_it_is(
    handbook: dict[str, Any], init: Callable[[], str]
) -> None:
    here = repository(handbook, "maintainer")
    stated = {
        "required_status_checks": {"strict": True, "contexts": ["their own"]},
        "enforce_admins": True,
        "required_pull_request_reviews": None,
        "restrictions": None,
    }
    url = f"{here.url}/branches/main/protection"
    here.requester.requestJsonAndCheck("PUT", url, input=stated)
    assert "main is protected, but does not require the check lint / lint or lint" in init()
    assert protection(here.get_branch("main")) == ["their own"]


def test_doctor_finds_nothing_missing_then(handbook: dict[str, Any], owners: Path) -> None:
    environment = {
        "GITHUB_API_URL": handbook["github"]["api"],
        "GITHUB_REPOSITORY": handbook["repository"],
        "GITHUB_TOKEN": handbook["tokens"]["maintainer"],
        "ARBORIST_STORE": f"{handbook['data']}/store",
    }
    done = subprocess.run(
        [ARBORIST, "doctor"], cwd=owners, env={**clean(), **environment}, capture_output=True, text=True
    )
    assert "✘" not in done.stdout
    assert done.returncode == 0, done.stdout


def test_what_an_administrator_alone_may_set_is_said_of_each(handbook: dict[str, Any], owners: Path) -> None:
    environment = {
        "GITHUB_API_URL": handbook["github"]["api"],
        "GITHUB_REPOSITORY": handbook["repository"],
        "GITHUB_TOKEN": handbook["tokens"]["contributor"],
    }
    command = [ARBORIST, "init", "--repository", owners, "--model", "lab/other", "--arborist", "lab/taxonomy"]
    done = subprocess.run(command, env={**clean(), **environment}, capture_output=True, text=True)
    assert done.returncode == 2
    assert "✘ ARBORIST_SIGNING_KEY: setting it up" in done.stdout
    assert "GitHub answered 403" in done.stdout
    assert "Traceback" not in done.stderr
