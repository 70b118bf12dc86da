"""Files as they are: /resolve/ for the client, /raw/ for people."""

from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from bot.local.hub.call import Call
from bot.local.hub.commits import lfs_pointer
from bot.local.hub.content import parse_range, read_content
from bot.local.hub.errors import no_entry
from bot.local.hub.records import Commit, Entry, Repository, readable, resolve, xet_hashes

# Somebody else's files must not become pages of this Hub.
_HARMLESS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}


def resolve_file(call: Call) -> Response:
    """A file, or with HEAD all that the client wants to know before it fetches one."""
    repository, commit, entry = _locate(call)
    headers = {**_HARMLESS, "X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes"}
    etag = entry.sha256 if entry.lfs else entry.oid
    headers["ETag"] = f'"{etag}"'
    if entry.lfs:
        headers |= {"X-Linked-Size": str(entry.size), "X-Linked-Etag": f'"{etag}"'}
        headers |= _xet_headers(call, repository, commit, entry)
    if call.request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return _content(call, entry, headers)


def raw_file(call: Call) -> Response:
    """A file as git holds it: of a large one, only the pointer."""
    _, _, entry = _locate(call)
    if entry.lfs:
        return Response(lfs_pointer(entry.sha256, entry.size), 200, _HARMLESS, "text/plain")
    return _content(call, entry, dict(_HARMLESS))


def _locate(call: Call) -> tuple[Repository, Commit, Entry]:
    path = call.param("path")
    with call.hub.storage.reading() as db:
        repository = readable(db, call)
        commit = resolve(db, repository, call.param("revision"))
    if path not in commit.tree:
        raise no_entry(path, commit.oid)
    return repository, commit, commit.tree[path]


def _xet_headers(call: Call, repository: Repository, commit: Commit, entry: Entry) -> dict[str, str]:
    with call.hub.storage.reading() as db:
        xet_hash = xet_hashes(db, {"": entry}).get(entry.sha256)
    if xet_hash is None:
        return {}
    api = f"{call.hub.base_url}/api/{repository.kind}/{quote(repository.name)}/xet-read-token/{commit.oid}"
    return {"X-Xet-Hash": xet_hash, "Link": f'<{api}>; rel="xet-auth"'}


def _content(call: Call, entry: Entry, headers: dict[str, str]) -> Response:
    part = parse_range(call.request.headers.get("range"), entry.size)
    start, end = part or (0, entry.size)
    headers["Content-Length"] = str(end - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{entry.size}"
    status = 200 if part is None else 206
    kind = "application/octet-stream" if entry.lfs else "text/plain; charset=utf-8"
    if call.request.method == "HEAD":
        return Response(None, status, headers, kind)
    pieces = read_content(call.hub.storage, entry.sha256, start, end)
    return StreamingResponse(pieces, status, headers, kind)
