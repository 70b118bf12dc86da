"""Trusted publishing: publish without a stored token, using the ID token that GitHub issues to the job.

huggingface_hub exchanges the ID token at the Hub if HF_OIDC_RESOURCE is set. That variable has precedence
over HF_TOKEN, and a failed exchange is an error. So it is set only while publishing, without HF_TOKEN.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub import get_token
from huggingface_hub.errors import HfHubHTTPError, OIDCError

from bot.core.errors import UserError
from bot.core.workflow_names import RETRAIN, ROLLBACK
from bot.release import id_token

ENVIRONMENT = "release"
"""The environment of the jobs that write to the Hub: a claim of the trusted publishers there."""
RESOURCE, EXCHANGE = "HF_OIDC_RESOURCE", "/oauth/token"


def available() -> bool:
    """Return whether this is a GitHub Actions job that can get an ID token and has no token for the Hub."""
    given = any(os.environ.get(name) for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"))
    return id_token.may_request() and not given


@contextmanager
def trusted_publishing(repository: str, endpoint: str) -> Iterator[None]:
    """Use this job's ID token for a model repository within the block, if HF_TOKEN is not set.

    Raises:
        UserError: the Hub refuses the ID token; the message names the claims that must match.
    """
    if not available() or os.environ.get(RESOURCE):
        yield
        return
    os.environ[RESOURCE] = repository
    try:
        _exchange(repository, endpoint)
        yield
    finally:
        del os.environ[RESOURCE]


def _exchange(repository: str, endpoint: str) -> None:
    """Exchange the ID token now, to distinguish a refusal from all other errors."""
    try:
        get_token()
    except OIDCError as error:
        raise UserError(f"publishing {repository}: {' '.join(str(error).split())}") from None
    except HfHubHTTPError as error:
        if error.response is None:
            raise
        if not error.response.request.url.path.endswith(EXCHANGE):
            status = error.response.status_code
            why = (
                f"GitHub did not issue an ID token to this job (status {status}); run again, or set HF_TOKEN"
            )
            raise UserError(f"publishing {repository}: {why}") from None
        if error.response.status_code != 400:
            raise
        claims = id_token.claims(endpoint)
        raise UserError(refusal(repository, endpoint, claims, _default_branch())) from None


def how_to_register(model: str, repository: str, branch: str, endpoint: str) -> str:
    """Explain how the owners of a model let a repository's workflow release it, without a token."""
    claims = {"repository": repository, "branch": branch, "workflow": RETRAIN, "environment": ENVIRONMENT}
    return (
        f"to release without HF_TOKEN, create {model} on the Hub, then add at {endpoint}/{model}/settings"
        f" a trusted publisher for GitHub Actions with the claims {_listed(claims)}, and another one with"
        f" workflow={ROLLBACK} for `/arborist rollback`"
    )


def _listed(claims: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in claims.items())


def refusal(repository: str, endpoint: str, claims: Mapping[str, Any], default_branch: str) -> str:
    """Explain why the Hub may have refused an ID token, and how to fix it.

    The Hub does not report which claim did not match. The message names the claims that differ from those of
    a release job; if none does, no trusted publisher is registered on the Hub with these claims.

    Args:
        repository: the model repository on the Hub.
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
    where = f"{endpoint}/{repository}/settings"
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
