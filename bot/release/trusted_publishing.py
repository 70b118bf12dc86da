"""Trusted publishing: publish without a stored token, using the ID token that GitHub issues to the job.

huggingface_hub exchanges the ID token at the Hub if HF_OIDC_RESOURCE is set. That variable has precedence
over HF_TOKEN, and a failed exchange is an error. So it is set only while publishing, without HF_TOKEN.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, OIDCError

from bot.core.errors import UserError
from bot.core.hub_address import endpoint, limit_waiting
from bot.core.workflow_names import RETRAIN, ROLLBACK
from bot.release import id_token
from bot.release.hub_repository import HubRepository

ENVIRONMENT = "release"
"""The environment of the jobs that write to the Hub: a claim of the trusted publishers there."""
RESOURCE, EXCHANGE = "HF_OIDC_RESOURCE", "/oauth/token"


def available() -> bool:
    """Return whether this is a GitHub Actions job that can get an ID token and has no token for the Hub."""
    given = any(os.environ.get(name) for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"))
    return id_token.may_request() and not given


@contextmanager
def trusted_publishing(repository: HubRepository) -> Iterator[None]:
    """Use this job's ID token for a repository within the block, if HF_TOKEN is not set.

    Raises:
        UserError: the Hub refuses the ID token; the message names the claims that must match.
    """
    if not available() or os.environ.get(RESOURCE):
        yield
        return
    os.environ[RESOURCE] = repository.resource
    try:
        _exchange(repository)
        yield
    finally:
        del os.environ[RESOURCE]


def _exchange(repository: HubRepository) -> None:
    """Exchange the ID token now, to distinguish a refusal from all other errors."""
    name = repository.resource
    limit_waiting()
    try:
        get_token()
    except OIDCError as error:
        raise UserError(f"publishing {name}: {' '.join(str(error).split())}") from None
    except HfHubHTTPError as error:
        if error.response is None:
            raise
        if not error.response.request.url.path.endswith(EXCHANGE):
            status = error.response.status_code
            why = (
                f"GitHub did not issue an ID token to this job (status {status}); run again, or set HF_TOKEN"
            )
            raise UserError(f"publishing {name}: {why}") from None
        if error.response.status_code != 400:
            raise
        public = HfApi(endpoint=endpoint(), token=False)
        if not public.repo_exists(repository.name, repo_type=repository.type):
            raise UserError(_missing(repository)) from None
        claims = id_token.claims(endpoint())
        raise UserError(refusal(name, claims, _default_branch())) from None


def _missing(repository: HubRepository) -> str:
    """Explain what to do if the Hub refuses an ID token and shows no such repository."""
    kind = "model" if repository.type == "model" else "data set"
    return (
        f"publishing {repository.resource}: the Hub at {endpoint()} refuses this job's ID token and shows no "
        f"{kind} {repository.name} to the public: an ID token cannot create it. Create it, and register the "
        "workflow there as a trusted publisher; if it is private, check its trusted publishers"
    )


def how_to_register(repositories: Sequence[HubRepository], repository: str, branch: str) -> str:
    """Explain how the owners of repositories on the Hub let a workflow release without a token.

    Args:
        repositories: the model's repository and its companions'.
        repository: the repository on GitHub.
    """
    claims = {"repository": repository, "branch": branch, "workflow": RETRAIN, "environment": ENVIRONMENT}
    named = " and ".join(one.resource for one in repositories)
    pages = " and ".join(f"{endpoint()}/{one.resource}/settings" for one in repositories)
    return (
        f"to release without HF_TOKEN, create {named} on the Hub, then add at {pages}"
        f" a trusted publisher for GitHub Actions with the claims {_listed(claims)}, and another one with"
        f" workflow={ROLLBACK} for `/arborist rollback`"
    )


def _listed(claims: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in claims.items())


def refusal(repository: str, claims: Mapping[str, Any], default_branch: str) -> str:
    """Explain why the Hub may have refused an ID token, and how to fix it.

    The Hub does not report which claim did not match. The message names the claims that differ from those of
    a release job; if none does, no trusted publisher is registered on the Hub with these claims.

    Args:
        repository: the repository on the Hub.
        claims: the claims in the ID token.
        default_branch: the default branch of the repository on GitHub.
    """
    branch = str(claims.get("ref", "")).removeprefix("refs/heads/")
    files = {
        str(claims.get(name, "")).partition("@")[0].rpartition("/")[2]
        for name in ("workflow_ref", "job_workflow_ref")
    }
    own = ROLLBACK if ROLLBACK in files else RETRAIN
    workflow = next((name for name in sorted(files) if name != own), own)
    actual = {"branch": branch, "workflow": workflow, "environment": str(claims.get("environment") or "none")}
    wanted = {"branch": default_branch, "workflow": own, "environment": ENVIRONMENT}
    wrong = [
        f"{name} is {actual[name]}, not {wanted[name]}" for name in actual if actual[name] != wanted[name]
    ]
    start = f"publishing {repository}: the Hub refuses this job's ID token (invalid_grant)"
    where = f"{endpoint()}/{repository}/settings"
    if wrong:
        fix = f"release with {own} on {default_branch}, or register the workflow at {where}"
        return f"{start}: its {', its '.join(wrong)}; {fix}"
    registered = _listed({"repository": str(claims.get("repository")), **actual})
    return f"{start}: its claims are {registered}; register a trusted publisher with exactly these at {where}"


def _default_branch() -> str:
    """Return the default branch of the repository, from the event of the run."""
    path = os.environ.get("GITHUB_EVENT_PATH", "")
    event = json.loads(Path(path).read_text()) if path and Path(path).is_file() else {}
    return str(event.get("repository", {}).get("default_branch") or "main")
