"""Users, their permissions, and signed short-lived tokens for uploads, downloads and trusted publishers."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

from localworld.hub.errors import HubError

TOKEN_PREFIX = "hf_jwt_"  # noqa: S105
"""Prefix of the tokens of trusted publishers."""
INVALID = "Invalid credentials in Authorization header"


@dataclass(frozen=True)
class HubUser:
    """The user of a token, with the token's permissions.

    Args:
        name: the user's name and namespace.
        orgs: organizations that the user belongs to, whose private repositories they can see.
        can_write: whether the token may write to the namespaces of the user and the organizations.
        only: for a token of a trusted publisher, kind and name of the one repository that it may write to.
    """

    name: str
    orgs: tuple[str, ...] = ()
    can_write: bool = False
    only: tuple[str, str] | None = None

    def belongs_to(self, namespace: str) -> bool:
        """Return whether this is the namespace of the user or of one of their organizations."""
        return namespace == self.name or namespace in self.orgs

    def sees(self, kind: str, name: str) -> bool:
        """Return whether the user can see a private repository."""
        return (kind, name) == self.only if self.only else self.belongs_to(name.partition("/")[0])


def require_writer(user: HubUser | None, namespace: str) -> HubUser:
    """Require permission to create, change and delete repositories in a namespace.

    Returns:
        The user.

    Raises:
        HubError: 401, there is no token; 403, the token lacks the permission.
    """
    if user is None:
        raise HubError(401, "Invalid username or password.")
    if not user.can_write:
        raise HubError(403, "this token is read-only; use a token with write permission")
    if not user.belongs_to(namespace):
        raise HubError(403, f"you don't have the rights to write in the namespace '{namespace}'")
    return user


def require_content_writer(user: HubUser | None, kind: str, name: str) -> HubUser:
    """Require permission to change the content of a repository.

    Returns:
        The user.

    Raises:
        HubError: 401, there is no token; 403, the token lacks the permission.
    """
    if user is not None and user.only == (kind, name):
        return user
    return require_writer(user, name.partition("/")[0])


class Sealer:
    """Signer of claims for upload URLs, Xet tokens and tokens of trusted publishers.

    Args:
        secret: the key; stored with the Hub's data, so that signed tokens stay valid after a restart.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def seal(self, claims: dict[str, Any], expires: int) -> str:
        """Return a signed, URL-safe token with the claims, valid until `expires` (Unix time in seconds)."""
        payload = base64.urlsafe_b64encode(json.dumps({**claims, "exp": expires}).encode()).rstrip(b"=")
        return f"{payload.decode()}.{self._signature(payload)}"

    def unseal(self, token: str, purpose: str) -> dict[str, Any]:
        """Verify a token and return its claims.

        Args:
            purpose: the value that the claim `for` must have.

        Raises:
            HubError: 401, the signature or the purpose is wrong, or the token has expired.
        """
        payload, _, signature = token.partition(".")
        encoded = payload.encode("ascii", "replace")
        if hmac.compare_digest(signature.encode(), self._signature(encoded).encode()):
            claims: dict[str, Any] = json.loads(
                base64.urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4))
            )
            if claims["for"] == purpose and claims["exp"] > time.time():
                return claims
        raise HubError(401, f"this token is not valid for {purpose}, or has expired; request a new one")

    def _signature(self, payload: bytes) -> str:
        return hmac.new(self._secret, payload, hashlib.sha256).hexdigest()


def publisher(sealer: Sealer, token: str) -> HubUser:
    """Verify a token of a trusted publisher and return its user, who may write to one repository.

    Raises:
        HubError: 401, the token is invalid or has expired.
    """
    try:
        claims = sealer.unseal(token.removeprefix(TOKEN_PREFIX), TOKEN_PREFIX)
    except HubError:
        raise HubError(401, INVALID) from None
    return HubUser("[OIDC]", can_write=True, only=(claims["kind"], claims["name"]))
