"""One request on its way to a handler: who asks, for what, with which body."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bot.local.hub.auth import INVALID, TOKEN_PREFIX, HubUser, Sealer, publisher
from bot.local.hub.errors import HubError
from bot.local.hub.storage import Storage

_BODY_LIMIT = 16 << 20  # bytes of a body that is held in memory


@dataclass(frozen=True)
class Hub:
    """What every handler needs: the data, the people, and the address under which clients find it."""

    storage: Storage
    users: Mapping[str, HubUser]
    base_url: str
    sealer: Sealer

    def identify(self, authorization: str | None) -> HubUser | None:
        """The user behind an Authorization header; None without one.

        Raises:
            HubError: 401, the token is nobody's, or has expired.
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
    """A request, read.

    Args:
        body: what was sent, for handlers that take it in memory.
        upload: the file that holds what was sent, for handlers that take it on disk.
    """

    hub: Hub
    request: Request
    body: bytes = b""
    upload: Path | None = None

    @property
    def user(self) -> HubUser | None:
        """Who asks; None for a stranger, 401 for a token that is nobody's."""
        return self.hub.identify(self.request.headers.get("authorization"))

    @property
    def kind(self) -> str:
        """What sort of repository the address speaks of: models, datasets, …"""
        at_root = "datasets" if self.request.url.path.startswith("/datasets/") else "models"
        return str(self.request.path_params.get("kind", at_root))

    def param(self, name: str) -> str:
        """A part of the path, decoded; parts arrive encoded because a revision may hold a slash."""
        return unquote(self.request.path_params[name])

    def flag(self, name: str) -> bool:
        """A yes or no in the query, however the client spells it."""
        return self.request.query_params.get(name, "").lower() in ("1", "true")

    def json(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            HubError: 400, it is none.
        """
        try:
            content = json.loads(self.body or b"{}")
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise HubError(400, "the body must be a JSON object")
        return content

    def text(self, name: str, content: Mapping[str, Any] | None = None) -> str:
        """A member of the JSON body that must be a text, and not an empty one."""
        value = (self.json() if content is None else content).get(name)
        if not isinstance(value, str) or not value:
            raise HubError(400, f"the body must say '{name}'")
        return value

    def received(self) -> Path:
        """The file with the body of an upload."""
        if self.upload is None:
            raise RuntimeError("this handler was not registered with `upload`")
        return self.upload


Handler = Callable[[Call], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


def endpoint(handler: Handler) -> Endpoint:
    """A Starlette endpoint that reads the body into memory and runs the handler on a thread."""

    async def serve(request: Request) -> Response:
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > _BODY_LIMIT:
                raise HubError(413, f"the body is longer than {_BODY_LIMIT} bytes")
        return await run_in_threadpool(handler, Call(request.app.state.hub, request, bytes(body)))

    return serve


def upload(handler: Handler, admit: Callable[[Call], object], limit: int) -> Endpoint:
    """A Starlette endpoint that streams the body to a file first; the handler may move it away.

    Args:
        admit: raises HubError for whom the body need not even be read.
        limit: bytes; a longer body is a 413.
    """

    async def serve(request: Request) -> Response:
        hub: Hub = request.app.state.hub
        await run_in_threadpool(admit, Call(hub, request))
        received = hub.storage.temporary()
        try:
            await _receive(request, received, limit)
            return await run_in_threadpool(handler, Call(hub, request, upload=received))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
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
