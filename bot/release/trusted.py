"""Trusted publishing: a release without a token of ours, by the ID token that GitHub gives to the job.

huggingface_hub exchanges the ID token at the Hub wherever HF_OIDC_RESOURCE is set. That has precedence over
HF_TOKEN and a failed exchange is an error, so it is set for publishing alone, and only without HF_TOKEN.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import jwt
from huggingface_hub import get_token
from huggingface_hub.errors import HfHubHTTPError, OIDCError

from bot.errors import UserError

WORKFLOW, ENVIRONMENT = "retrain.yml", "release"
"""The workflow that releases, and the environment of its job. A publisher is registered with them."""
RESOURCE, EXCHANGE = "HF_OIDC_RESOURCE", "/oauth/token"
_URL, _TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"


def available() -> bool:
    """Whether this is a job of GitHub's that may have an ID token, without a token for the Hub."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return False
    given = any(os.environ.get(name) for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"))
    return bool(os.environ.get(_URL) and os.environ.get(_TOKEN)) and not given


@contextmanager
def trusted_publishing(repository: str, endpoint: str) -> Iterator[None]:
    """Write to a model repository by this job's ID token within the block, where no HF_TOKEN is given.

    Raises:
        UserError: the Hub refuses the ID token; the message names the claims that would have to match.
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
    """Exchange the ID token now, so that a refusal is told apart from all other errors."""
    try:
        get_token()
    except OIDCError as error:
        raise UserError(f"publishing {repository}: {' '.join(str(error).split())}") from None
    except HfHubHTTPError as error:
        if error.response is None:
            raise
        if not error.response.request.url.path.endswith(EXCHANGE):
            status = error.response.status_code
            why = f"GitHub gives this job no ID token (it says {status}); run again, or set HF_TOKEN"
            raise UserError(f"publishing {repository}: {why}") from None
        if error.response.status_code != 400:
            raise
        raise UserError(refusal(repository, endpoint, _claims(endpoint), _default_branch())) from None


def how_to_register(model: str, repository: str, branch: str, endpoint: str) -> str:
    """What the owners of a model do once on the Hub, so that a repository's workflow may release it."""
    claims = {"repository": repository, "branch": branch, "workflow": WORKFLOW, "environment": ENVIRONMENT}
    return (
        f"to release without HF_TOKEN, create {model} on the Hub, and at {endpoint}/{model}/settings"
        f" a trusted publisher for GitHub Actions with the claims {_stated(claims)}"
    )


def _stated(claims: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in claims.items())


def refusal(repository: str, endpoint: str, claims: Mapping[str, Any], default_branch: str) -> str:
    """Why the Hub may have refused an ID token, and how to fix it.

    The Hub does not say which claim did not match. A claim that is not as in a release is named; where all
    are as in a release, the Hub knows no publisher with these.

    Args:
        claims: what the ID token says.
        default_branch: of the repository on GitHub.
    """
    branch = str(claims.get("ref", "")).removeprefix("refs/heads/")
    files = {
        str(claims.get(name, "")).partition("@")[0].rpartition("/")[2]
        for name in ("workflow_ref", "job_workflow_ref")
    }
    workflow = next((name for name in sorted(files) if name != WORKFLOW), WORKFLOW)
    said = {"branch": branch, "workflow": workflow, "environment": str(claims.get("environment") or "none")}
    wanted = {"branch": default_branch, "workflow": WORKFLOW, "environment": ENVIRONMENT}
    wrong = [f"{name} is {said[name]}, not {wanted[name]}" for name in said if said[name] != wanted[name]]
    start = f"publishing {repository}: the Hub refuses this job's ID token (invalid_grant)"
    where = f"{endpoint}/{repository}/settings"
    if wrong:
        fix = f"release by {WORKFLOW} on {default_branch}, or register the workflow at {where}"
        return f"{start}: its {', its '.join(wrong)}; {fix}"
    registered = _stated({"repository": str(claims.get("repository")), **said})
    return f"{start}: its claims are {registered}; register a trusted publisher with exactly these at {where}"


def _claims(endpoint: str) -> dict[str, Any]:
    """What this job's ID token says of it."""
    url = f"{os.environ[_URL]}&audience={quote(endpoint, safe='')}"
    headers = {"Authorization": f"Bearer {os.environ[_TOKEN]}"}
    response = httpx2.get(url, headers=headers, timeout=30).raise_for_status()
    # Nothing is decided by it: it is shown to the person who reads the log, and the Hub has checked it.
    claims: dict[str, Any] = jwt.decode(response.json()["value"], options={"verify_signature": False})
    return claims


def _default_branch() -> str:
    """The default branch of the repository, as the event of the run says it."""
    path = os.environ.get("GITHUB_EVENT_PATH", "")
    event = json.loads(Path(path).read_text()) if path and Path(path).is_file() else {}
    return str(event.get("repository", {}).get("default_branch") or "main")
