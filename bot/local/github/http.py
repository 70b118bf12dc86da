"""One request to the REST API: who asks, for which repository, with which fields; and the answer's form."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.local.github import auth
from bot.local.github.db import Row
from bot.local.github.errors import ApiError, invalid, not_found
from bot.local.github.git import Git, GitError, Signature

if TYPE_CHECKING:
    from bot.local.github.state import GitHub

PREFIX = "/api/v3"
JSON = "application/json; charset=utf-8"
RATE_LIMIT = 15_000  # an hour; what GitHub grants its enterprises. Counted, not enforced.
T = TypeVar("T")


class Call:
    """A request to the API.

    Args:
        body: the request's body, unread by anybody else.

    Raises:
        ApiError: 401, the token is wrong; 400, the body is no JSON object.
    """

    def __init__(self, github: "GitHub", request: Request, body: bytes, rates: "RateCounter") -> None:
        self.github = github
        self.rates = rates
        self.request = request
        self.body = body
        self.caller = auth.authenticate(github, request)

    # What is asked

    def parameter(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def number(self, name: str) -> int:
        """A part of the path that is a number; 404 if it is not."""
        text = self.parameter(name)
        if not (text.isdecimal() and len(text) < 16):
            raise not_found()
        return int(text)

    def query(self, name: str, default: str = "") -> str:
        """A parameter of the query."""
        return self.request.query_params.get(name, default)

    def accepts(self, media: str) -> bool:
        """Whether the Accept header asks for `application/vnd.github.<media>`, such as `raw` or `diff`."""
        accept = self.request.headers.get("accept", "")
        return any(f".{media}{end}" in f"{accept}," for end in (",", "+", ";"))

    @cached_property
    def json(self) -> Any:
        """The body; an empty object where there is none."""
        try:
            found = json.loads(self.body) if self.body else {}
            json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair is no text
        except ValueError:
            raise ApiError(400, "Problems parsing JSON") from None
        return found

    def fields(self) -> dict[str, Any]:
        """The body, which must be an object."""
        found = self.json
        if not isinstance(found, dict):
            raise ApiError(400, "Body should be a JSON object")
        return found

    def text(self, resource: str, name: str) -> str:
        """A field that must be there and a string that is not empty."""
        value = self.fields().get(name)
        if value is None or value == "":
            raise invalid(resource, name, "missing_field")
        if not isinstance(value, str):
            raise invalid(resource, name)
        return value

    def optional(self, resource: str, name: str) -> str | None:
        """A field that may be missing or null, else a string."""
        value = self.fields().get(name)
        if value is not None and not isinstance(value, str):
            raise invalid(resource, name)
        return value

    def person(self, name: str, default: Signature) -> Signature:
        """A field that names who made a commit or tag; the default where it is missing."""
        given = self.fields().get(name)
        if not isinstance(given, dict):
            return default
        if not all(isinstance(given.get(part), str) and given[part].strip() for part in ("name", "email")):
            raise invalid("Commit", name)
        return Signature(given["name"], given["email"], str(given.get("date") or default.date))

    # Where

    def repository(self) -> Row:
        """The repository in the path; 404 if there is none that the caller may see."""
        row = self.github.repository(f"{self.parameter('owner')}/{self.parameter('repo')}")
        if row is None:
            raise not_found()
        auth.require_read(self.github, self.caller, row)
        return row

    def git(self, repository: Row) -> Git:
        """git on a repository."""
        return self.github.git(repository["full_name"])

    def require(self, repository: Row, role: str, *areas: str, level: str = "write") -> Row:
        """The caller's user, if they may do this; see `auth.require`."""
        return auth.require(self.github, self.caller, repository, role, *areas, level=level)

    # The answer

    def reply(self, content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        """A JSON answer; for GET with an ETag, and 304 without a body if the caller has it already."""
        response = JSONResponse(content, status, headers, media_type=JSON)
        if self.request.method not in {"GET", "HEAD"} or status != 200:
            return response
        tag = f'W/"{hashlib.sha256(bytes(response.body)).hexdigest()}"'
        known = {item.strip() for item in self.request.headers.get("if-none-match", "").split(",")}
        if {tag, tag[2:], "*"} & known:
            return Response(status_code=304, headers={"ETag": tag})
        response.headers["ETag"] = tag
        response.headers["Cache-Control"] = "private, max-age=60, s-maxage=60"
        return response

    def paged(
        self,
        items: Iterable[T],
        shape: Callable[[T], Any],
        wrap: Callable[[list[Any], int], Any] | None = None,
    ) -> Response:
        """One page of a list, with the Link header that leads to the others.

        Args:
            shape: what to show of an item; called only for those on the page.
            wrap: makes the answer of the page and the total, where GitHub wraps the list in an object.
        """
        everything = list(items)
        size = min(self._positive("per_page", 30), 100)
        page = self._positive("page", 1)
        shown = [shape(item) for item in everything[(page - 1) * size : page * size]]
        last = max(1, -(-len(everything) // size))
        links = {"first": 1, "prev": page - 1} if page > 1 else {}
        links |= {"next": page + 1, "last": last} if page < last else {}
        headers = {"Link": ", ".join(f'<{self._at_page(n)}>; rel="{name}"' for name, n in links.items())}
        return self.reply(wrap(shown, len(everything)) if wrap else shown, headers=headers if links else None)

    def _positive(self, name: str, default: int) -> int:
        text = self.query(name)
        return int(text) if text.isdecimal() and len(text) < 10 and int(text) > 0 else default

    def _at_page(self, page: int) -> str:
        query = [(name, value) for name, value in self.request.query_params.multi_items() if name != "page"]
        return f"{self.github.base_url}{self.request.url.path}?{urlencode([*query, ('page', str(page))])}"


Handler = Callable[[Call], Response]
Table = Iterable[tuple[str, str, Handler]]


class RateCounter:
    """How many requests each token made within the hour."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hour = 0
        self._used: dict[str, int] = {}

    def add(self, token: str, requests: int = 1) -> dict[str, int]:
        """Count requests of a token; the state in the shape of GitHub's rate-limit."""
        with self._lock:
            hour = int(time.time()) // 3600
            if hour != self._hour:
                self._hour, self._used = hour, {}
            used = self._used[token] = self._used.get(token, 0) + requests
        return {
            "limit": RATE_LIMIT,
            "used": used,
            "remaining": max(0, RATE_LIMIT - used),
            "reset": (hour + 1) * 3600,
        }


def api_routes(github: "GitHub", table: Table, rates: RateCounter) -> list[Route]:
    """Routes of the API from (method, path below /api/v3, handler)."""
    return [
        Route(PREFIX + path, _endpoint(github, handler, rates), methods=[method])
        for method, path, handler in table
    ]


def _endpoint(github: "GitHub", handler: Handler, rates: RateCounter) -> Callable[[Request], Any]:
    def answer(request: Request, body: bytes) -> Response:
        try:
            call = Call(github, request, body, rates)
        except ApiError as error:
            return error_response(github, error)
        try:
            response = handler(call)
        except ApiError as error:
            response = error_response(github, error)
        except GitError as error:  # such as a date or a message that git does not take
            response = error_response(github, ApiError(422, str(error)))
        rate = rates.add(call.caller.token, 0 if request.url.path.endswith("/rate_limit") else 1)
        response.headers.update({f"X-RateLimit-{name.title()}": str(value) for name, value in rate.items()})
        response.headers["X-RateLimit-Resource"] = "core"
        response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
        return response

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(answer, request, await request.body())

    return endpoint


def error_response(github: "GitHub", error: ApiError) -> Response:
    """An error in GitHub's shape."""
    content: dict[str, Any] = {
        "message": error.message,
        "documentation_url": f"{github.base_url}/rest",
        "status": str(error.status),
    }
    if error.errors is not None:
        content["errors"] = error.errors
    return JSONResponse(content, error.status, media_type=JSON)
