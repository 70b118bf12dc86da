"""GitHub's GraphQL API: queries are validated and executed against a subset of GitHub's schema."""

import base64
import binascii
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from graphql import GraphQLError, build_schema, graphql_sync
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localworld.github import auth, pulls
from localworld.github.db import Row
from localworld.github.errors import ApiError
from localworld.github.http import Call, RateCounter, error_response
from localworld.github.shapes.users import app_slug
from localworld.github.state import GitHub

SCHEMA = build_schema((Path(__file__).parent / "github.graphql").read_text())
PATH = "/api/graphql"
MOST = 100
"""The most items of a list that GitHub returns at once."""
_KINDS = {401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND"}


def routes(github: GitHub, rates: RateCounter) -> list[Route]:
    """Return the route of the GraphQL API, beside `/api/v3` as on GitHub Enterprise Server."""

    def answer(request: Request, body: bytes) -> Response:
        try:
            call = Call(github, request, body, rates)
            auth.require_user(call.caller)
            fields = call.fields()
        except ApiError as error:
            return error_response(github, error)
        rates.add(call.caller.token)
        result = graphql_sync(
            SCHEMA, str(fields.get("query") or ""), Query(call), variable_values=fields.get("variables") or {}
        )
        content = dict(result.formatted)
        if result.errors:
            content["errors"] = [_shown(error) for error in result.errors]
        return call.reply(content)

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(answer, request, await request.body())

    return [Route(PATH, endpoint, methods=["POST"])]


class Query:
    """The root of all queries. graphql-core calls methods and reads attributes by the names of the fields."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def repository(self, _: Any, owner: str, name: str, **more: Any) -> "Repository":
        """Resolve a repository; raise GraphQLError if it does not exist or the caller may not read it."""
        row = self._call.github.repository(f"{owner}/{name}")
        if row is None or not auth.at_least(auth.role_of(self._call.github, self._call.caller, row), "read"):
            raise _error(404, f"Could not resolve to a Repository with the name '{owner}/{name}'.")
        return Repository(self._call, row)


class Repository:
    """The GraphQL type Repository, for a repository that the caller may read."""

    def __init__(self, call: Call, row: Row) -> None:
        self._call, self._row = call, row

    def pullRequests(self, _: Any, states: Sequence[str] | None = None, **window: Any) -> dict[str, Any]:
        _require(self._call, self._row, "pull-requests")
        rows = self._call.github.db.all(
            f"{pulls.QUERY} WHERE repository_id = ? ORDER BY number", self._row["id"]
        )
        wanted = [row for row in rows if states is None or _state(row) in states]
        return _connection([PullRequest(self._call, self._row, row) for row in wanted], window)


class PullRequest:
    """The GraphQL type PullRequest."""

    def __init__(self, call: Call, repository: Row, row: Row) -> None:
        self._call, self._repository = call, repository
        self.number, self.baseRefName, self.headRefOid = row["number"], row["base_ref"], row["head_sha"]
        self._base = row["base_sha"]

    def commits(self, _: Any, **window: Any) -> dict[str, Any]:
        _require(self._call, self._repository, "contents")
        git = self._call.github.git(self._repository["full_name"])
        shas = [
            commit.sha for commit in git.commits(self.headRefOid, f"^{self._base}", options=("--reverse",))
        ]
        return _connection([{"commit": Commit(self._call, self._repository, sha)} for sha in shas], window)


class Commit:
    """The GraphQL type Commit."""

    def __init__(self, call: Call, repository: Row, sha: str) -> None:
        self._call, self._repository, self.oid = call, repository, sha

    def checkSuites(self, _: Any, **window: Any) -> dict[str, Any]:
        _require(self._call, self._repository, "checks")
        rows = self._call.github.db.all(
            "SELECT check_suites.*, login FROM check_suites JOIN users ON users.id = user_id "
            "WHERE repository_id = ? AND head_sha = ? ORDER BY check_suites.id",
            *(self._repository["id"], self.oid),
        )
        return _connection([CheckSuite(self._call, row) for row in rows], window)


class CheckSuite:
    """The GraphQL type CheckSuite: the check runs of one app at a commit."""

    def __init__(self, call: Call, row: Row) -> None:
        self._call, self._row = call, row
        self.app = {"slug": app_slug(row["login"])}

    def checkRuns(
        self,
        _: Any,
        filterBy: dict[str, Any] | None = None,
        **window: Any,
    ) -> dict[str, Any]:
        wanted = filterBy or {}
        query = "SELECT * FROM check_runs WHERE suite_id = ? ORDER BY id"
        rows = self._call.github.db.all(query, self._row["id"])
        if wanted.get("checkName") is not None:
            rows = [row for row in rows if row["name"] == wanted["checkName"]]
        if wanted.get("checkType", "LATEST") == "LATEST":
            rows = list({row["name"]: row for row in rows}.values())
        return _connection([_check_run(row) for row in rows], window)


def _check_run(row: Row) -> dict[str, Any]:
    return {
        "name": row["name"],
        "status": row["status"].upper(),
        "conclusion": row["conclusion"] and row["conclusion"].upper(),
        "startedAt": row["started_at"],
        "completedAt": row["completed_at"],
        "externalId": row["external_id"],
    }


def _state(row: Row) -> str:
    return "MERGED" if row["merged_at"] else str(row["state"]).upper()


def _connection(items: Sequence[Any], window: dict[str, Any]) -> dict[str, Any]:
    """Return a page of a list as a GraphQL connection.

    Args:
        window: the arguments `first`, `last` and `after` of the query.

    Raises:
        GraphQLError: neither `first` nor `last` is given, it exceeds `MOST`, or the cursor is invalid.
    """
    first, last = window.get("first"), window.get("last")
    size = first if first is not None else last
    if size is None:
        raise _error(422, "You must provide a `first` or `last` value to properly paginate the connection.")
    if not 0 <= size <= MOST:
        raise _error(422, f"Requesting {size} records exceeds the `first` limit of {MOST} records.")
    start = _position(window.get("after")) if first is not None else max(0, len(items) - size)
    shown = items[start : start + size]
    end = start + len(shown)
    return {"nodes": shown, "pageInfo": {"hasNextPage": end < len(items), "endCursor": _cursor(end)}}


def _cursor(place: int) -> str:
    return base64.b64encode(json.dumps(["cursor:v2", place]).encode()).decode()


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        return int(json.loads(base64.b64decode(cursor))[1])
    except (binascii.Error, ValueError, TypeError, IndexError):
        raise _error(422, f"`{cursor}` does not appear to be a valid cursor.") from None


def _require(call: Call, repository: Row, area: str) -> None:
    """Raise GraphQLError unless the caller may read an area of a repository, such as `checks`."""
    try:
        auth.require(call.github, call.caller, repository, "read", area, level="read")
    except ApiError as error:
        raise _error(error.status, error.message) from None


def _shown(error: GraphQLError) -> dict[str, Any]:
    """Convert an error to GitHub's shape, which has the type beside the message."""
    shape: dict[str, Any] = {**error.formatted}
    shape.update(shape.pop("extensions", {}))
    return shape


def _error(status: int, message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"type": _KINDS.get(status, "UNPROCESSABLE")})
