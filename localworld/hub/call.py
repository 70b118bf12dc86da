"""A request to the Hub as handlers get it: user, repository, parameters and body."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from localworld.hub.auth import INVALID, TOKEN_PREFIX, HubUser, Sealer, publisher
from localworld.hub.errors import HubError
from localworld.hub.storage import Storage

_BODY_LIMIT = 16 << 20  # bytes of a body that is read into memory


@dataclass(frozen=True)
class Hub:
    """The state that all handlers share.

    Attributes:
        users: mapping from tokens to users.
        base_url: URL at which clients reach the Hub, without a slash at the end.
    """

    storage: Storage
    users: Mapping[str, HubUser]
    base_url: str
    sealer: Sealer

    def identify(self, authorization: str | None) -> HubUser | None:
        """Return the user of an Authorization header; None without one.

        Raises:
            HubError: 401, the token is unknown or has expired.
        """
        if not authorization:
            return None
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() == "bearer" and token.startswith(TOKEN_PREFIX):
            return publisher(self.sealer, token)
        user = self.users.get(token) if scheme.lower() == "bearer" else None
        if user is None:
            raise HubError(401, INVALID)
        return user


@dataclass(frozen=True)
class Call:
    """A request to the Hub.

    Args:
        body: the body, for handlers that read it in memory (see `endpoint`).
        upload: a file with the body, for handlers that read it from disk (see `upload`).
    """

    hub: Hub
    request: Request
    body: bytes = b""
    upload: Path | None = None

    @property
    def user(self) -> HubUser | None:
        """The user; None for an anonymous request. Raises 401 if the token is unknown."""
        return self.hub.identify(self.request.headers.get("authorization"))

    @property
    def kind(self) -> str:
        """The kind of repository in the path, such as models or datasets."""
        at_root = "datasets" if self.request.url.path.startswith("/datasets/") else "models"
        return str(self.request.path_params.get("kind", at_root))

    def param(self, name: str) -> str:
        """Return a decoded path parameter; routes match the encoded path (see `_EncodedPath`)."""
        return unquote(self.request.path_params[name])

    def flag(self, name: str) -> bool:
        """Return whether a query parameter is `1` or `true`, in any case."""
        return self.request.query_params.get(name, "").lower() in ("1", "true")

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object.

        Raises:
            HubError: 400, the body is not a JSON object.
        """
        try:
            content = json.loads(self.body or b"{}")
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise HubError(400, "the body must be a JSON object")
        return content

    def text(self, name: str, content: Mapping[str, Any] | None = None) -> str:
        """Return a field of the JSON body that must be a non-empty string.

        Args:
            content: the decoded body, if the caller has it already.

        Raises:
            HubError: 400, the field is missing, empty or not a string.
        """
        value = (self.json() if content is None else content).get(name)
        if not isinstance(value, str) or not value:
            raise HubError(400, f"the body must have the field '{name}', a non-empty string")
        return value

    def received(self) -> Path:
        """Return the file with the body of an upload."""
        if self.upload is None:
            raise RuntimeError("this handler was not registered with `upload`")
        return self.upload


Handler = Callable[[Call], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


def endpoint(handler: Handler) -> Endpoint:
    """Create a Starlette endpoint that reads the body into memory and runs the handler in a thread."""

    async def serve(request: Request) -> Response:
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > _BODY_LIMIT:
                raise HubError(413, f"the body is longer than {_BODY_LIMIT} bytes")
        return await run_in_threadpool(handler, Call(request.app.state.hub, request, bytes(body)))

    return serve


def upload(handler: Handler, admit: Callable[[Call], object], limit: int) -> Endpoint:
    """Create a Starlette endpoint that streams the body to a file, which the handler may move away.

    Args:
        admit: called before the body is read; raises HubError to reject the request.
        limit: the most bytes of a body; a longer one is rejected with a 413.
    """

    async def serve(request: Request) -> Response:
        hub: Hub = request.app.state.hub
        await run_in_threadpool(admit, Call(hub, request))
        received = hub.storage.temporary()
        try:
            await _receive(request, received, limit)
            return await run_in_threadpool(handler, Call(hub, request, upload=received))
        except ClientDisconnect:
            return Response(status_code=400)  # the client is gone and does not read it
        finally:
            received.unlink(missing_ok=True)

    return serve


async def _receive(request: Request, target: Path, limit: int) -> None:
    size = 0
    with target.open("wb") as file:
        async for piece in request.stream():
            size += len(piece)
            if size > limit:
                raise HubError(413, f"the body is longer than {limit} bytes")
            file.write(piece)
