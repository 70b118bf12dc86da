"""The ID tokens that GitHub issues to a job with the permission `id-token: write`."""

import os
from typing import Any
from urllib.parse import quote

import httpx2
import jwt

URL, TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"


def may_request() -> bool:
    """Return whether this is a GitHub Actions job that can get an ID token."""
    inside = os.environ.get("GITHUB_ACTIONS") == "true"
    return inside and bool(os.environ.get(URL) and os.environ.get(TOKEN))


def claims(audience: str) -> dict[str, Any]:
    """Return the claims in an ID token of this job.

    The token's signature is not checked: the claims describe this job, and give nobody any right.

    Args:
        audience: who the token is for.

    Raises:
        httpx2.HTTPError: GitHub cannot be reached or issues no token.
    """
    url = f"{os.environ[URL]}&audience={quote(audience, safe='')}"
    headers = {"Authorization": f"Bearer {os.environ[TOKEN]}"}
    response = httpx2.get(url, headers=headers, timeout=30).raise_for_status()
    found: dict[str, Any] = jwt.decode(response.json()["value"], options={"verify_signature": False})
    return found
