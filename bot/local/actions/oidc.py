"""ID tokens: a job that may have one asks for it here, and others check it by the keys served here.

The issuer is below `/_services/token`, as on a GitHub Enterprise Server, with the documents that
https://token.actions.githubusercontent.com serves. The claims are those of GitHub's OpenID Connect reference.
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
    """The issuer, and the jobs that may ask it now.

    Args:
        data: the folder of its key; created if it is not there.
        base_url: the local GitHub's.
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
        """Where a job asks, and where others find the keys."""
        return [
            Route("/_actions/jobs/{job}/idtoken", self.mint, methods=["GET"]),
            Route(f"{ISSUER}/.well-known/openid-configuration", self.configuration, methods=["GET"]),
            Route(f"{ISSUER}/.well-known/jwks", self.keys, methods=["GET"]),
        ]

    def open(self, job: str, claims: Claims) -> dict[str, str]:
        """Let a job ask for ID tokens; returns the variables that tell it how.

        Args:
            job: its ticket.
            claims: what is said of it, beside what every token says.
        """
        token = secrets.token_urlsafe(48)
        with self._lock:
            self._jobs[job] = token, claims
        url = f"{self._base_url}/_actions/jobs/{job}/idtoken?api-version=2.0"
        return {URL_VARIABLE: url, TOKEN_VARIABLE: token}

    def close(self, job: str) -> None:
        """The job has ended; what it asked with is worthless now."""
        with self._lock:
            self._jobs.pop(job, None)

    def mint(self, request: Request) -> Response:
        """An ID token for the job that asks; 401 with any other's request token, or after the job's end."""
        with self._lock:
            token, claims = self._jobs.get(request.path_params["job"], ("", None))
        given = request.headers.get("authorization", "").partition(" ")[2]
        if claims is None or not secrets.compare_digest(token.encode(), given.encode()):
            return JSONResponse({"message": "Unauthorized"}, 401)
        said, moment = claims(), int(time.time())
        audience = request.query_params.get("audience") or f"{self._base_url}/{said['repository_owner']}"
        content = {
            "jti": str(uuid.uuid4()),
            **said,
            "aud": audience,
            "iss": self.issuer,
            "nbf": moment - EARLIER_S,
            "iat": moment,
            "exp": moment + LIFETIME_S,
        }
        value = jwt.encode(content, self._key, algorithm="RS256", headers={"kid": self._key_id})
        return JSONResponse({"count": len(value), "value": value})

    def configuration(self, request: Request) -> Response:
        """The OpenID provider's description of itself."""
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
        """The public keys by which ID tokens are checked."""
        return JSONResponse({"keys": [self._jwk]})


def _key(path: Path) -> rsa.RSAPrivateKey:
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
        raise TypeError(f"{path} holds no RSA key")
    return key
