"""The OpenID Connect provider, which issues ID tokens to jobs and publishes the keys to verify them.

The issuer's path is `/_services/token`, as on GitHub Enterprise Server. It serves the same documents as
https://token.actions.githubusercontent.com, with the claims of GitHub's OpenID Connect reference.
"""

import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

ISSUER = "/_services/token"
LIFETIME_S, EARLIER_S = 300, 600
URL_VARIABLE, TOKEN_VARIABLE = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
Claims = Callable[[], Mapping[str, str]]


class IdTokens:
    """The issuer, and the jobs that may request tokens now.

    Args:
        data: the folder of the signing key; created if it does not exist.
        base_url: the URL of the local GitHub.
    """

    def __init__(self, data: Path, base_url: str) -> None:
        self.issuer, self._base_url = f"{base_url}{ISSUER}", base_url
        self._key = _key(data / "oidc.pem")
        public: dict[str, Any] = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        self._key_id = str(uuid.uuid5(uuid.NAMESPACE_URL, public["n"]))
        self._jwk = {**public, "alg": "RS256", "use": "sig", "kid": self._key_id}
        self._lock = threading.Lock()
        self._jobs: dict[str, tuple[str, Claims]] = {}

    def routes(self) -> list[BaseRoute]:
        """Return the routes for requesting tokens, and those of the provider's public documents."""
        return [
            Route("/_actions/jobs/{job}/idtoken", self.mint, methods=["GET"]),
            Route(f"{ISSUER}/.well-known/openid-configuration", self.configuration, methods=["GET"]),
            Route(f"{ISSUER}/.well-known/jwks", self.keys, methods=["GET"]),
        ]

    def open(self, job: str, claims: Claims) -> dict[str, str]:
        """Let a job request ID tokens.

        Args:
            job: the job's ticket.
            claims: returns the job's claims, to which `mint` adds those of the token itself.

        Returns:
            The environment variables with the URL and the token for the request.
        """
        token = secrets.token_urlsafe(48)
        with self._lock:
            self._jobs[job] = token, claims
        url = f"{self._base_url}/_actions/jobs/{job}/idtoken?api-version=2.0"
        return {URL_VARIABLE: url, TOKEN_VARIABLE: token}

    def close(self, job: str) -> None:
        """Revoke the request token of a job that has ended."""
        with self._lock:
            self._jobs.pop(job, None)

    def mint(self, request: Request) -> Response:
        """Issue an ID token to a job; 401 if the request token is another job's or the job has ended."""
        with self._lock:
            token, claims = self._jobs.get(request.path_params["job"], ("", None))
        given = request.headers.get("authorization", "").partition(" ")[2]
        if claims is None or not secrets.compare_digest(token.encode(), given.encode()):
            return JSONResponse({"message": "Unauthorized"}, 401)
        of_job, moment = claims(), int(time.time())
        audience = request.query_params.get("audience") or f"{self._base_url}/{of_job['repository_owner']}"
        content = {
            "jti": str(uuid.uuid4()),
            **of_job,
            "aud": audience,
            "iss": self.issuer,
            "nbf": moment - EARLIER_S,
            "iat": moment,
            "exp": moment + LIFETIME_S,
        }
        value = jwt.encode(content, self._key, algorithm="RS256", headers={"kid": self._key_id})
        return JSONResponse({"count": len(value), "value": value})

    def configuration(self, request: Request) -> Response:
        """Return the OpenID provider's configuration."""
        return JSONResponse(
            {
                "issuer": self.issuer,
                "jwks_uri": f"{self.issuer}/.well-known/jwks",
                "subject_types_supported": ["public", "pairwise"],
                "response_types_supported": ["id_token"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid"],
            }
        )

    def keys(self, request: Request) -> Response:
        """Return the public keys that verify ID tokens."""
        return JSONResponse({"keys": [self._jwk]})


def _key(path: Path) -> rsa.RSAPrivateKey:
    """Read the signing key from a file; create it first if the file does not exist."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(
            rsa.generate_private_key(65537, 2048).private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{path} does not contain an RSA key; delete the file to create a new one")
    return key
