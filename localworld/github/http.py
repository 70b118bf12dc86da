"""A request to the REST API (caller, repository, fields) and its response (JSON, pages, rate limit)."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localworld.github import auth
from localworld.github.db import Row
from localworld.github.errors import ApiError, invalid, not_found
from localworld.github.git import Git, GitError, Signature
from localworld.github.state import GitHub

PREFIX = "/api/v3"
JSON = "application/json; charset=utf-8"
RATE_LIMIT = 15_000  # requests an hour, as for GitHub Enterprise Cloud. Counted, not enforced.
T = TypeVar("T")


class Call:
    """A request to the API.

    Args:
        body: the whole body of the request.

    Raises:
        ApiError: 401, the token is wrong.
    """

    def __init__(self, github: GitHub, request: Request, body: bytes, rates: "RateCounter") -> None:
        self.github = github
        self.rates = rates
        self.request = request
        self.body = body
        self.caller = auth.authenticate(github, request)

    # Parameters and fields

    def parameter(self, name: str) -> str:
        """Return a path parameter."""
        return str(self.request.path_params[name])

    def number(self, name: str) -> int:
        """Return a path parameter as an integer; raise 404 if it is not one."""
        text = self.parameter(name)
        if not (text.isdecimal() and len(text) < 16):
            raise not_found()
        return int(text)

    def query(self, name: str, default: str = "") -> str:
        """Return a query parameter."""
        return self.request.query_params.get(name, default)

    def accepts(self, media: str) -> bool:
        """Return whether the Accept header has `application/vnd.github.<media>`, such as `raw` or `diff`."""
        accept = self.request.headers.get("accept", "")
        return any(f".{media}{end}" in f"{accept}," for end in (",", "+", ";"))

    @cached_property
    def json(self) -> Any:
        """The decoded body; an empty object if there is no body. Raises 400 if the body is not JSON."""
        try:
            found = json.loads(self.body) if self.body else {}
            json.dumps(found, ensure_ascii=False).encode()  # fails on a lone surrogate, which is not text
        except ValueError:
            raise ApiError(400, "Problems parsing JSON") from None
        return found

    def fields(self) -> dict[str, Any]:
        """Return the fields of the body; raise 400 if the body is not a JSON object."""
        found = self.json
        if not isinstance(found, dict):
            raise ApiError(400, "Body should be a JSON object")
        return found

    def text(self, resource: str, name: str) -> str:
        """Return a required string field; raise 422 if it is missing, empty or not a string."""
        value = self.fields().get(name)
        if value is None or value == "":
            raise invalid(resource, name, "missing_field")
        if not isinstance(value, str):
            raise invalid(resource, name)
        return value

    def optional(self, resource: str, name: str) -> str | None:
        """Return an optional string field, None if missing or null; raise 422 if it is not a string."""
        value = self.fields().get(name)
        if value is not None and not isinstance(value, str):
            raise invalid(resource, name)
        return value

    def person(self, name: str, default: Signature) -> Signature:
        """Return the author, committer or tagger that a field names, or the default if it is missing."""
        given = self.fields().get(name)
        if not isinstance(given, dict):
            return default
        if not all(isinstance(given.get(part), str) and given[part].strip() for part in ("name", "email")):
            raise invalid("Commit", name)
        return Signature(given["name"], given["email"], str(given.get("date") or default.date))

    # Repository and permissions

    def repository(self) -> Row:
        """Return the repository in the path; raise 404 if it does not exist or the caller may not read it."""
        row = self.github.repository(f"{self.parameter('owner')}/{self.parameter('repo')}")
        if row is None:
            raise not_found()
        auth.require_read(self.github, self.caller, row)
        return row

    def git(self, repository: Row) -> Git:
        """Return a `Git` object for a repository."""
        return self.github.git(repository["full_name"])

    def require(self, repository: Row, role: str, *areas: str, level: str = "write") -> Row:
        """Require a permission and return the caller's user; see `auth.require`."""
        return auth.require(self.github, self.caller, repository, role, *areas, level=level)

    # Response

    def reply(self, content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        """Return a JSON response; on GET with an ETag, or 304 if `If-None-Match` names that ETag."""
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
        """Return one page of a list, with a Link header to the other pages.

        Args:
            items: the whole list; the query's `page` and `per_page` select from it.
            shape: converts an item to JSON; called only for the items on the page.
            wrap: builds the response from the page and the total count, where GitHub wraps the list in an
                object; None for a bare list.
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
    """Counter of the requests of each token in the current hour."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hour = 0
        self._used: dict[str, int] = {}

    def add(self, token: str, requests: int = 1) -> dict[str, int]:
        """Count requests of a token and return its rate limit in the shape of GitHub's schema rate-limit."""
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


def api_routes(github: GitHub, table: Table, rates: RateCounter) -> list[Route]:
    """Convert a table of (method, path below /api/v3, handler) to routes."""
    return [
        Route(PREFIX + path, _endpoint(github, handler, rates), methods=[method])
        for method, path, handler in table
    ]


def _endpoint(github: GitHub, handler: Handler, rates: RateCounter) -> Callable[[Request], Any]:
    def answer(request: Request, body: bytes) -> Response:
        try:
            call = Call(github, request, body, rates)
        except ApiError as error:
            return error_response(github, error)
        try:
            response = handler(call)
        except ApiError as error:
            response = error_response(github, error)
        except GitError as error:  # such as a date or a message that git rejects
            response = error_response(github, ApiError(422, str(error)))
        rate = rates.add(call.caller.token, 0 if request.url.path.endswith("/rate_limit") else 1)
        response.headers.update({f"X-RateLimit-{name.title()}": str(value) for name, value in rate.items()})
        response.headers["X-RateLimit-Resource"] = "core"
        response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
        return response

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(answer, request, await request.body())

    return endpoint


def error_response(github: GitHub, error: ApiError) -> Response:
    """Convert an error to a response in GitHub's shape."""
    content: dict[str, Any] = {
        "message": error.message,
        "documentation_url": f"{github.base_url}/rest",
        "status": str(error.status),
    }
    if error.errors is not None:
        content["errors"] = error.errors
    return JSONResponse(content, error.status, media_type=JSON)
