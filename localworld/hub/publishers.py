"""Trusted publishers: exchange a job's ID token for an access token that can write to one repository.

As the real Hub documents, a trusted publisher is registered in a repository's settings by claims. All of them
must match exactly, and an error does not name the claim that does not match.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

import jwt
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response

from localworld.hub.auth import TOKEN_PREFIX
from localworld.hub.call import Call, Hub
from localworld.hub.errors import HubError
from localworld.hub.records import Repository, find_repository, now
from localworld.hub.repos import add_repository

LIFETIME_S = 3600
_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105
_KINDS = ("models", "datasets", "spaces")
_REFUSED = "The ID token does not match any trusted publisher of this resource"


def trust(hub: Starlette, resource: str, issuer: str, claims: Mapping[str, str]) -> None:
    """Register a trusted publisher, as users with write access do in the settings of a repository.

    Args:
        hub: the application, as `create_hub` returns it.
        resource: the repository, as `namespace/name` or `datasets/namespace/name`; created if missing.
        issuer: URL of the issuer of the ID tokens.
        claims: claims that the ID tokens must have. `branch` and `workflow` are names for parts of GitHub's
            claims; see `matches`.
    """
    (kind, name), storage = _place(resource), hub.state.hub.storage
    add_repository(storage, Repository(0, kind, name, private=False, created=now()), name.partition("/")[0])
    with storage.writing() as db:
        repository = find_repository(db, kind, name)
        assert repository is not None  # noqa: S101  it was just added
        row = (repository.id, issuer, json.dumps(dict(claims), sort_keys=True))
        db.execute("INSERT OR IGNORE INTO publishers (repository, issuer, claims) VALUES (?, ?, ?)", row)


def exchange(call: Call) -> Response:
    """POST /oauth/token: exchange an ID token for an access token."""
    try:
        content = call.json()
    except HubError:
        return _error("invalid_request", "the body must be a JSON object")
    if content.get("grant_type") != _GRANT:
        return _error("unsupported_grant_type", f"grant_type must be {_GRANT}")
    if content.get("subject_token_type") != _ID_TOKEN:
        return _error("invalid_request", f"subject_token_type must be {_ID_TOKEN}")
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
    """Return the subject of an ID token if it matches a trusted publisher of the repository, else None."""
    with hub.storage.reading() as db:
        repository = find_repository(db, kind, name)
        query = "SELECT issuer, claims FROM publishers WHERE repository = ?"
        rows = db.execute(query, (repository.id,)).fetchall() if repository else []
    for row in rows:
        found = _verified(token, row["issuer"], hub.base_url)
        if found is not None and matches(json.loads(row["claims"]), found):
            return str(found["sub"])
    return None


def _verified(token: str, issuer: str, audience: str) -> dict[str, Any] | None:
    """Return the claims of an unexpired ID token that the issuer signed for this audience, else None."""
    try:
        key = jwt.PyJWKClient(f"{issuer}/.well-known/jwks").get_signing_key_from_jwt(token)
        found: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=audience,
            issuer=issuer,
            options={"require": ["exp", "iat", "sub"]},
        )
    except jwt.PyJWTError:
        return None
    return found


def matches(claims: Mapping[str, str], found: Mapping[str, Any]) -> bool:
    """Return whether a token has all claims that a trusted publisher requires.

    For reusable workflows, the real Hub does not document whether `workflow` is the calling workflow
    (`workflow_ref`) or the called one (`job_workflow_ref`). Here both files must have this name.

    Args:
        claims: the required claims. `branch` is compared with the branch in the token's `ref`, `workflow`
            with the file name in its `workflow_ref`.
        found: the claims of the token.
    """
    known = {
        **found,
        "branch": str(found.get("ref", "")).partition("refs/heads/")[2],
        "workflow": _file(found.get("workflow_ref")),
    }
    called = _file(found.get("job_workflow_ref"))
    return all(known.get(name) == value for name, value in claims.items()) and (
        claims.get("workflow", called) == called
    )


def _file(reference: Any) -> str:
    """Return the file name `x.yml` of a reference such as `lab/a/.github/workflows/x.yml@refs/heads/main`."""
    return str(reference or "").partition("@")[0].rpartition("/")[2]


def _place(resource: str) -> tuple[str, str]:
    first, _, rest = resource.partition("/")
    return (first, rest) if rest.count("/") == 1 else ("models", resource)


def _error(error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, 400)
