"""Every exchange with a GitHub, held against GitHub's own description of its API.

The rules beyond the description, each because GitHub does so without saying it there for each operation:

- A refusal (401, 403, 404, 429; 400 and 422 of a body) and a fault (500, 502, 503) may follow every
  request; the body is then GitHub's basic error, with a message.
- A refused request's parameters and body are not held against the client: tests of refusals must be able
  to send what is wrong, and a server may refuse before it has read the body.
- 304 may answer a GET that came with If-None-Match or If-Modified-Since. 204, 205 and 304 have no body.
- HEAD is GET without the body. An empty body stands for the documented empty object.
- A body that is not JSON (archives, logs, raw contents, diffs) passes through unread, if no JSON body is
  documented or the client asked for another media type.
- What else is allowed stands in ALLOWED, with the reason.
"""

import json
import re
from collections.abc import Iterator, Mapping, MutableSequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.contract.description import Operation, github, problems

PREFIXES = ("/api/v3", "/api/uploads")
REFUSALS = {400, 401, 403, 404, 422, 429}
FAULTS = {500, 502, 503}
BODILESS = {204, 205, 304}

# Paths to GET that stand for a described one: in the prose the last part may be left out, or PyGithub uses
# an older form, which GitHub still answers.
ALIASES = (
    (re.compile(r"(/repos/[^/]+/[^/]+/contents)/?"), r"\1/."),
    (re.compile(r"(/repos/[^/]+/[^/]+/git)/refs/?"), r"\1/matching-refs/."),
    (re.compile(r"(/repos/[^/]+/[^/]+)/statuses/(.+)"), r"\1/commits/\2/statuses"),
)


class Violation(NamedTuple):
    """One thing that GitHub would not do, or that a client must not do."""

    operation: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.where}: {self.message}"


class Allowed(NamedTuple):
    """Something that the description forbids and GitHub accepts or does."""

    operation: str
    where: str
    message: str  # how the violation's message begins
    reason: str

    def covers(self, violation: Violation) -> bool:
        return (self.operation, self.where) == violation[:2] and violation.message.startswith(self.message)


ALLOWED = (
    Allowed(
        "issues/add-labels",
        "request body",
        "[",
        "The prose of `labels` says that a bare array may be passed; PyGithub's add_to_labels does.",
    ),
    Allowed("issues/set-labels", "request body", "[", "As add-labels; PyGithub's set_labels does."),
)


def of_a_deleted_fork(where: str, message: str) -> bool:
    """GitHub describes a head as having a repository; where the fork is gone, it answers null."""
    return where.endswith(("head.repo", "head_repository")) and message.startswith("null is not ")


@dataclass
class Exchange:
    """A request and its response, as they went over the wire."""

    method: str
    path: str  # below the prefix, percent-encoded as sent
    query: str = ""
    request_headers: Mapping[str, str] = field(default_factory=dict)
    request_body: bytes = b""
    status: int = 200
    response_headers: Mapping[str, str] = field(default_factory=dict)
    response_body: bytes | None = b""  # None: not JSON, not kept


def find(method: str, path: str) -> tuple[Operation | None, dict[str, str]]:
    """As `Description.find`, with HEAD, and the paths that stand for a described one."""
    if method not in ("GET", "HEAD"):
        return github().find(method, path)
    for alias, described in ALIASES:
        if match := alias.fullmatch(path):
            path = match.expand(described)
    return github().find("GET", path)


def check(exchange: Exchange) -> list[Violation]:
    """What is wrong with one exchange; empty if nothing is."""
    operation, values = find(exchange.method, exchange.path)
    if operation is None:
        methods = github().methods(exchange.path)
        known = (
            f"only {', '.join(methods)} here" if methods else "no such path among the operations described"
        )
        return [Violation(f"{exchange.method} {exchange.path}", "path", known)]
    found = list(_response(operation, exchange))
    if exchange.status < 400:
        found += [*_parameters(operation, values, exchange.query), *_request_body(operation, exchange)]
    violations = [Violation(operation.name, where, message) for where, message in found]
    return [
        one
        for one in violations
        if not any(allowed.covers(one) for allowed in ALLOWED)
        and not of_a_deleted_fork(one.where, one.message)
    ]


def _parameters(operation: Operation, values: Mapping[str, str], query: str) -> Iterator[tuple[str, str]]:
    given = [("path", name, value) for name, value in values.items()]
    given += [("query", name, value) for name, value in parse_qsl(query, keep_blank_values=True)]
    for kind, name, value in given:
        validator = operation.parameters.get((kind, name))
        if validator is None:
            yield f"{kind} {name}", "GitHub has no such parameter here"
        elif not any(validator.is_valid(read) for read in _readings(value)):
            yield f"{kind} {name}", f"{value!r}: {next(problems(validator, value))[1]}"


def _readings(text: str) -> Iterator[Any]:
    """What the text of a parameter may mean: itself, a number, a truth value."""
    yield text
    if text.lstrip("-").isdecimal():
        yield int(text)
    if text in ("true", "false"):
        yield text == "true"


def _request_body(operation: Operation, exchange: Exchange) -> Iterator[tuple[str, str]]:
    if not exchange.request_body:
        if operation.body_required:
            yield "request body", "missing"
        return
    if operation.body is None:
        if "requestBody" not in operation.described and exchange.request_body != b"{}":
            yield "request body", "GitHub takes none here"
        return
    try:
        body = json.loads(exchange.request_body)
    except ValueError as error:
        yield "request body", f"not JSON: {error}"
        return
    for where, message in problems(operation.body, body):
        yield f"request body {where}".rstrip(), message


def _response(operation: Operation, exchange: Exchange) -> Iterator[tuple[str, str]]:
    status, body = exchange.status, exchange.response_body
    documented = status in operation.responses
    where = f"response {status}"
    if status == 304 and {"if-none-match", "if-modified-since"} & exchange.request_headers.keys():
        documented = True
    if not documented and status not in REFUSALS | FAULTS:
        yield where, f"not a documented status; {', '.join(map(str, sorted(operation.responses)))} are"
        return
    if exchange.method == "HEAD":
        return
    if status in BODILESS:
        if body != b"":
            yield where, "has a body"
        return
    validator = operation.responses.get(status)
    if body is None:
        if validator is not None and not _asks_for_other(exchange):
            yield (
                where,
                f"{exchange.response_headers.get('content-type', 'no content type')}, where JSON is due",
            )
        return
    if body == b"" and (validator is None or validator.is_valid({})):
        return
    yield from _json_body(validator, exchange, where)


def _json_body(validator: Any, exchange: Exchange, where: str) -> Iterator[tuple[str, str]]:
    try:
        body = json.loads(exchange.response_body or b"")
    except ValueError as error:
        yield where, f"not JSON: {error}"
        return
    if exchange.status in REFUSALS | FAULTS and not (
        isinstance(body, dict) and isinstance(body.get("message"), str)
    ):
        yield where, "an error without a message"
    if validator is not None:
        for place, message in problems(validator, body):
            yield f"{where} {place}".rstrip(), message


def _asks_for_other(exchange: Exchange) -> bool:
    """The client asked for something else than JSON, such as application/vnd.github.raw or .diff."""
    accept = exchange.request_headers.get("accept", "")
    return any(word in accept for word in ("raw", "diff", "patch", "html", "sha", "octet-stream"))


class Contract:
    """ASGI middleware that checks every exchange below GitHub's API prefix.

    Args:
        app: the application that answers.
        report: where violations are appended, before the response's last byte is sent.
    """

    def __init__(self, app: ASGIApp, report: MutableSequence[Violation]) -> None:
        self.app = app
        self.report = report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = (scope.get("raw_path") or scope.get("path", "").encode()).decode("ascii", "replace")
        prefix = next((one for one in PREFIXES if raw == one or raw.startswith(f"{one}/")), None)
        if scope["type"] != "http" or prefix is None:
            await self.app(scope, receive, send)
            return
        exchange = Exchange(
            scope["method"],
            raw.removeprefix(prefix) or "/",
            scope["query_string"].decode("ascii", "replace"),
            _headers(scope["headers"]),
        )
        await self.app(scope, _listening(receive, exchange), self._telling(send, exchange))

    def _telling(self, send: Send, exchange: Exchange) -> Send:
        """A `send` that holds JSON responses back until they are whole and checked."""
        held: list[Message] = []

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                exchange.response_headers = _headers(message["headers"])
                if not _is_json(exchange.response_headers):
                    exchange.response_body = None
            elif message["type"] == "http.response.body" and exchange.response_body is not None:
                exchange.response_body += message.get("body", b"")
            held.append(message)
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if last:
                self.report.extend(check(exchange))
            if last or exchange.response_body is None:
                for one in held:
                    await send(one)
                held.clear()

        return tell


def _listening(receive: Receive, exchange: Exchange) -> Receive:
    """A `receive` that keeps a copy of the request's body."""

    async def listen() -> Message:
        message = await receive()
        if message["type"] == "http.request":
            exchange.request_body += message.get("body", b"")
        return message

    return listen


def _headers(pairs: Any) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in pairs}


def _is_json(headers: Mapping[str, str]) -> bool:
    kind = headers.get("content-type", "").partition(";")[0]
    return kind.endswith("json") or headers.get("content-length") == "0" or not kind
