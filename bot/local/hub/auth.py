"""Who asks, what they may do, and the short-lived addresses that need no token."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

from bot.local.hub.errors import HubError

TOKEN_PREFIX = "hf_jwt_"  # noqa: S105
"""How the tokens begin that trusted publishers get."""
INVALID = "Invalid credentials in Authorization header"


@dataclass(frozen=True)
class HubUser:
    """Somebody with a token.

    Args:
        name: their own namespace.
        orgs: the organisations whose private repositories they see.
        can_write: whether the token may change anything in those namespaces.
        only: kind and name of the one repository that the token is for, whose content it may change.
    """

    name: str
    orgs: tuple[str, ...] = ()
    can_write: bool = False
    only: tuple[str, str] | None = None

    def belongs_to(self, namespace: str) -> bool:
        return namespace == self.name or namespace in self.orgs

    def sees(self, kind: str, name: str) -> bool:
        """Whether a private repository is there for them."""
        return (kind, name) == self.only if self.only else self.belongs_to(name.partition("/")[0])


def require_writer(user: HubUser | None, namespace: str) -> HubUser:
    """The user, if they may create, change and delete repositories in this namespace.

    Raises:
        HubError: 401 without a token, 403 with one that may not.
    """
    if user is None:
        raise HubError(401, "Invalid username or password.")
    if not user.can_write:
        raise HubError(403, "this token is read-only; use one with write permission")
    if not user.belongs_to(namespace):
        raise HubError(403, f"you don't have the rights to write in the namespace '{namespace}'")
    return user


def require_content_writer(user: HubUser | None, kind: str, name: str) -> HubUser:
    """The user, if they may change what is in this repository.

    Raises:
        HubError: as `require_writer`.
    """
    if user is not None and user.only == (kind, name):
        return user
    return require_writer(user, name.partition("/")[0])


class Sealer:
    """Signs small claims, so that an upload address or a Xet token proves itself.

    Args:
        secret: kept with the data, so that what was handed out survives a restart.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def seal(self, claims: dict[str, Any], expires: int) -> str:
        """A URL-safe token that carries the claims until `expires` (seconds since 1970)."""
        payload = base64.urlsafe_b64encode(json.dumps({**claims, "exp": expires}).encode()).rstrip(b"=")
        return f"{payload.decode()}.{self._signature(payload)}"

    def unseal(self, token: str, purpose: str) -> dict[str, Any]:
        """The claims, if they were sealed here for this purpose and have not expired.

        Raises:
            HubError: 401 otherwise.
        """
        payload, _, signature = token.partition(".")
        encoded = payload.encode("ascii", "replace")
        if hmac.compare_digest(signature.encode(), self._signature(encoded).encode()):
            claims: dict[str, Any] = json.loads(
                base64.urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4))
            )
            if claims["for"] == purpose and claims["exp"] > time.time():
                return claims
        raise HubError(401, f"this token is not for {purpose}, or has expired; ask for a new one")

    def _signature(self, payload: bytes) -> str:
        return hmac.new(self._secret, payload, hashlib.sha256).hexdigest()


def publisher(sealer: Sealer, token: str) -> HubUser:
    """Whoever holds a token of a trusted publisher: a user of the Hub's own, for one repository.

    Raises:
        HubError: 401, the token is none of this Hub's, or has expired.
    """
    try:
        claims = sealer.unseal(token.removeprefix(TOKEN_PREFIX), TOKEN_PREFIX)
    except HubError:
        raise HubError(401, INVALID) from None
    return HubUser("[OIDC]", can_write=True, only=(claims["kind"], claims["name"]))
