"""Git over HTTP: clone, fetch and push, served by `git http-backend`."""

import subprocess
import tempfile
from collections.abc import Iterator
from typing import IO

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from localworld.github import pushes
from localworld.github.auth import at_least, authenticate, role_of
from localworld.github.caller import Caller
from localworld.github.db import Row
from localworld.github.errors import ApiError
from localworld.github.git import ZERO, environment
from localworld.github.state import GitHub

SPOOL = 4 * 1024 * 1024  # bytes; a larger request body is written to disk
CHUNK = 64 * 1024  # bytes


def routes(github: GitHub) -> list[Route]:
    """Return the routes of git's smart HTTP protocol, with and without `.git` after the repository's name."""

    async def serve(request: Request) -> Response:
        with tempfile.SpooledTemporaryFile(SPOOL) as body:
            async for chunk in request.stream():
                body.write(chunk)
            return await run_in_threadpool(_answer, github, request, body)

    services = {"info/refs": "GET", "git-upload-pack": "POST", "git-receive-pack": "POST"}
    return [
        Route(f"{place}/{service}", serve, methods=[method])
        for place in ("/{owner}/{repo}.git", "/{owner}/{repo}")  # users also clone the web page's URL
        for service, method in services.items()
    ]


def _answer(github: GitHub, request: Request, body: IO[bytes]) -> Response:
    # On a POST, git runs the service in the path and ignores the query, which could name another one.
    service = request.query_params.get("service") if request.method != "POST" else request.url.path
    writes = (service or "").endswith("git-receive-pack")
    try:
        caller = authenticate(github, request)
    except ApiError:
        return _login("Invalid username or token.")
    repository = github.repository(f"{request.path_params['owner']}/{request.path_params['repo']}")
    role = role_of(github, caller, repository) if repository else "none"
    if repository is None or not at_least(role, "read"):
        return (
            _login("Repository not found.") if caller.user is None else _refused(404, "Repository not found.")
        )
    if writes and caller.user is None:
        return _login("Authentication is required to push.")
    if writes and not _may_push(github, caller, repository):
        return _refused(403, f"Permission to {repository['full_name']}.git denied to {caller.login}.")
    if writes and request.method == "POST":
        return _push(github, request, repository, caller, body)
    return _backend(github, request, repository, caller, body)


def _may_push(github: GitHub, caller: Caller, repository: Row) -> bool:
    if caller.permissions is not None:
        return caller.within(repository) and caller.grants("contents", "write")
    return at_least(role_of(github, caller, repository), "write")


def _push(github: GitHub, request: Request, repository: Row, caller: Caller, body: IO[bytes]) -> Response:
    """Receive a push; the pull requests are updated before the client gets its response."""
    git = github.git(repository["full_name"])
    with github.writing:
        before = git.refs("refs/heads/", "refs/tags/")
        response = _backend(github, request, repository, caller, body)
        content = b"".join(response.chunks)
        after = git.refs("refs/heads/", "refs/tags/")
        names = sorted(before.keys() | after.keys())
        moves = [(name, before.get(name, ZERO), after.get(name, ZERO)) for name in names]
        pushes.moved(github, repository, caller, moves)
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Response(content, response.status_code, headers)


class _Output(StreamingResponse):
    """The output of git, streamed."""

    def __init__(self, chunks: Iterator[bytes], status: int, headers: dict[str, str]) -> None:
        super().__init__(chunks, status, headers)
        self.chunks = chunks


def _backend(github: GitHub, request: Request, repository: Row, caller: Caller, body: IO[bytes]) -> _Output:
    """Run `git http-backend` as a CGI program."""
    service = request.url.path.split("/", 3)[3]
    length = body.seek(0, 2)
    body.seek(0)
    variables = {
        "GIT_PROJECT_ROOT": str(github.repo_path(repository["full_name"])),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{service}",
        "QUERY_STRING": request.url.query,
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(length),
        "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
        "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
        "REMOTE_USER": caller.login,
        "REMOTE_ADDR": "127.0.0.1",
    }
    with tempfile.TemporaryFile() as stdin:
        while chunk := body.read(CHUNK):
            stdin.write(chunk)
        stdin.seek(0)
        process = subprocess.Popen(
            ["git", "http-backend"], stdin=stdin, stdout=subprocess.PIPE, env=environment(variables)
        )
    assert process.stdout is not None  # noqa: S101  it is a pipe
    status, headers = 200, {}
    while line := process.stdout.readline().strip().decode("latin-1"):
        name, _, value = line.partition(": ")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[name] = value
    return _Output(_chunks(process, process.stdout), status, headers)


def _chunks(process: "subprocess.Popen[bytes]", output: IO[bytes]) -> Iterator[bytes]:
    """Yield git's output; if the client disconnects, close the pipe and wait for git to exit."""
    try:
        while chunk := output.read(CHUNK):
            yield chunk
    finally:
        output.close()
        process.wait()


def _login(message: str) -> Response:
    return Response(message, 401, {"WWW-Authenticate": "Basic realm=GitHub"}, "text/plain")


def _refused(status: int, message: str) -> Response:
    return Response(message, status, media_type="text/plain")
