"""Trusted publishers: a job's ID token is exchanged for a token of one hour that writes to one repository.

As the real Hub documents it, a publisher is registered in a repository's settings by claims, all of which
must match exactly, and a refusal does not say which one did not.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

import jwt
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response

from bot.local.hub.auth import TOKEN_PREFIX
from bot.local.hub.call import Call, Hub
from bot.local.hub.errors import HubError
from bot.local.hub.records import Repository, find_repository, now
from bot.local.hub.repos import add_repository

LIFETIME_S = 3600
_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105
_KINDS = ("models", "datasets", "spaces")
_REFUSED = "The ID token does not match any trusted publisher of this resource"


def trust(hub: Starlette, resource: str, issuer: str, claims: Mapping[str, str]) -> None:
    """Register a publisher, as a person who may write does in the settings of a repository.

    Args:
        hub: the application.
        resource: the repository, as `namespace/name` or `datasets/namespace/name`; created if missing.
        issuer: of the ID tokens.
        claims: what they must say. `branch` and `workflow` stand for what GitHub says in other forms.
    """
    (kind, name), storage = _place(resource), hub.state.hub.storage
    add_repository(storage, Repository(0, kind, name, private=False, created=now()), name.partition("/")[0])
    with storage.writing() as db:
        repository = find_repository(db, kind, name)
        assert repository is not None  # noqa: S101  it was just added
        row = (repository.id, issuer, json.dumps(dict(claims), sort_keys=True))
        db.execute("INSERT OR IGNORE INTO publishers (repository, issuer, claims) VALUES (?, ?, ?)", row)


def exchange(call: Call) -> Response:
    """POST /oauth/token: an access token for an ID token."""
    try:
        content = call.json()
    except HubError:
        return _error("invalid_request", "the body must be a JSON object")
    if content.get("grant_type") != _GRANT:
        return _error("unsupported_grant_type", "only token exchange is known here")
    if content.get("subject_token_type") != _ID_TOKEN:
        return _error("invalid_request", "subject_token_type must be that of an ID token")
    token, resource = content.get("subject_token"), content.get("resource")
    if not isinstance(token, str) or not isinstance(resource, str) or not token or not resource:
        return _error("invalid_request", "subject_token and resource are required")
    kind, name = _place(resource)
    if kind not in _KINDS or name.count("/") > 1 or not all(name.split("/")):
        return _error("invalid_request", "resource must be namespace/name or datasets/namespace/name")
    subject = _checked(call.hub, kind, name, token)
    if subject is None:
        return _error("invalid_grant", _REFUSED)
    sealed = call.hub.sealer.seal(
        {"for": TOKEN_PREFIX, "kind": kind, "name": name, "subject": subject}, int(time.time()) + LIFETIME_S
    )
    return JSONResponse(
        {
            "access_token": f"{TOKEN_PREFIX}{sealed}",
            "token_type": "bearer",
            "expires_in": LIFETIME_S,
            "issued_token_type": _ACCESS_TOKEN,
        }
    )


def _checked(hub: Hub, kind: str, name: str, token: str) -> str | None:
    """The subject of an ID token that one of the repository's publishers matches; else None."""
    with hub.storage.reading() as db:
        repository = find_repository(db, kind, name)
        query = "SELECT issuer, claims FROM publishers WHERE repository = ?"
        rows = db.execute(query, (repository.id,)).fetchall() if repository else []
    for row in rows:
        said = _verified(token, row["issuer"], hub.base_url)
        if said is not None and matches(json.loads(row["claims"]), said):
            return str(said["sub"])
    return None


def _verified(token: str, issuer: str, audience: str) -> dict[str, Any] | None:
    """What an ID token says, if this issuer signed it for this Hub and it has not expired."""
    try:
        key = jwt.PyJWKClient(f"{issuer}/.well-known/jwks").get_signing_key_from_jwt(token)
        said: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=audience,
            issuer=issuer,
            options={"require": ["exp", "iat", "sub"]},
        )
    except jwt.PyJWTError:
        return None
    return said


def matches(claims: Mapping[str, str], said: Mapping[str, Any]) -> bool:
    """Whether a token says all that a publisher asks for.

    It is not documented whether `workflow` is the file that was started or the one that holds the job, where
    one calls the other. Here both must have this name.
    """
    known = {
        **said,
        "branch": str(said.get("ref", "")).partition("refs/heads/")[2],
        "workflow": _file(said.get("workflow_ref")),
    }
    called = _file(said.get("job_workflow_ref"))
    return all(known.get(name) == value for name, value in claims.items()) and (
        claims.get("workflow", called) == called
    )


def _file(reference: Any) -> str:
    """`retrain.yml` of `lab/taxonomy/.github/workflows/retrain.yml@refs/heads/main`."""
    return str(reference or "").partition("@")[0].rpartition("/")[2]


def _place(resource: str) -> tuple[str, str]:
    first, _, rest = resource.partition("/")
    return (first, rest) if rest.count("/") == 1 else ("models", resource)


def _error(error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, 400)
