"""Routes of check runs and check suites."""

from starlette.responses import Response

from localworld.github import checks, shapes
from localworld.github.db import Row
from localworld.github.errors import ApiError, not_found
from localworld.github.http import Call
from localworld.github.routes.commits import resolved


def create(call: Call) -> Response:
    """POST /repos/{owner}/{repo}/check-runs"""
    repository = _writable(call)
    chained = call.caller.workflow
    shape = checks.create(
        call.github, repository["full_name"], call.fields(), actor=call.caller.login, chained=chained
    )
    return call.reply(shape, 201, {"Location": shape["url"]})


def update(call: Call) -> Response:
    """PATCH /repos/{owner}/{repo}/check-runs/{id}"""
    repository = _writable(call)
    run = checks.find(call.github, repository, call.number("id"))
    suite = call.github.db.one("SELECT user_id FROM check_suites WHERE id = ?", run["suite_id"])
    if call.caller.user is None or suite is None or suite["user_id"] != call.caller.user["id"]:
        raise ApiError(
            403, "Invalid app_id - check run can only be modified by the GitHub App that created it."
        )
    shape = checks.update(
        call.github,
        repository["full_name"],
        run["id"],
        call.fields(),
        actor=call.caller.login,
        chained=call.caller.workflow,
    )
    return call.reply(shape)


def _writable(call: Call) -> Row:
    """Return the repository; raise unless the caller is an app that may write its checks."""
    repository = call.repository()
    call.require(repository, "read", "checks")
    if not call.caller.is_app:
        raise ApiError(403, "You must authenticate via a GitHub App.")
    call.require(repository, "write", "checks")
    return repository


def get(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/check-runs/{id}"""
    run = checks.find(call.github, call.repository(), call.number("id"))
    return call.reply(shapes.check_run(call.github, run))


def annotations(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/check-runs/{id}/annotations"""
    run = checks.find(call.github, call.repository(), call.number("id"))
    rows = call.github.db.all("SELECT * FROM annotations WHERE check_run_id = ? ORDER BY id", run["id"])
    return call.paged(rows, lambda row: shapes.annotation(call.github, row, run))


def of_commit(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/commits/{ref}/check-runs"""
    repository, sha = resolved(call)
    rows = call.github.db.all(
        "SELECT * FROM check_runs WHERE repository_id = ? AND head_sha = ? ORDER BY id DESC",
        *(repository["id"], sha),
    )
    return _runs(call, rows)


def of_suite(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/check-suites/{id}/check-runs"""
    suite = _suite(call)
    return _runs(
        call, call.github.db.all("SELECT * FROM check_runs WHERE suite_id = ? ORDER BY id DESC", suite["id"])
    )


def _runs(call: Call, rows: list[Row]) -> Response:
    """Return a page of check runs, newest first, filtered by the query parameters."""
    if call.query("filter", "latest") == "latest":
        newest: dict[tuple[int, str], Row] = {}
        for row in rows:
            newest.setdefault((row["suite_id"], row["name"]), row)
        rows = list(newest.values())
    if call.query("check_name"):
        rows = [row for row in rows if row["name"] == call.query("check_name")]
    if call.query("status"):
        rows = [row for row in rows if row["status"] == call.query("status")]
    if call.query("app_id"):
        rows = [row for row in rows if str(checks.app_id(call.github, row)) == call.query("app_id")]
    return call.paged(
        rows,
        lambda row: shapes.check_run(call.github, row),
        lambda page, total: {"total_count": total, "check_runs": page},
    )


def suites(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/commits/{ref}/check-suites"""
    repository, sha = resolved(call)
    rows = call.github.db.all(
        "SELECT * FROM check_suites WHERE repository_id = ? AND head_sha = ? ORDER BY id",
        *(repository["id"], sha),
    )
    if call.query("app_id"):
        rows = [row for row in rows if str(checks.app_id_of(call.github, row)) == call.query("app_id")]
    return call.paged(
        rows,
        lambda row: shapes.check_suite(call.github, row),
        lambda page, total: {"total_count": total, "check_suites": page},
    )


def suite(call: Call) -> Response:
    """GET /repos/{owner}/{repo}/check-suites/{id}"""
    return call.reply(shapes.check_suite(call.github, _suite(call)))


def _suite(call: Call) -> Row:
    row = call.github.db.one(
        "SELECT * FROM check_suites WHERE id = ? AND repository_id = ?",
        *(call.number("id"), call.repository()["id"]),
    )
    if row is None:
        raise not_found()
    return row


_REPO = "/repos/{owner}/{repo}"
TABLE = (
    ("POST", f"{_REPO}/check-runs", create),
    ("GET", f"{_REPO}/check-runs/{{id}}", get),
    ("PATCH", f"{_REPO}/check-runs/{{id}}", update),
    ("GET", f"{_REPO}/check-runs/{{id}}/annotations", annotations),
    ("GET", f"{_REPO}/commits/{{ref:path}}/check-runs", of_commit),
    ("GET", f"{_REPO}/commits/{{ref:path}}/check-suites", suites),
    ("GET", f"{_REPO}/check-suites/{{id}}", suite),
    ("GET", f"{_REPO}/check-suites/{{id}}/check-runs", of_suite),
)
