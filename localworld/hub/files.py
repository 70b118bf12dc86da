"""Routes of file contents: /resolve/ for the client, /raw/ and /blob/ for browsers."""

from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from localworld.hub.call import Call
from localworld.hub.commits import lfs_pointer
from localworld.hub.content import parse_range, read_content
from localworld.hub.errors import no_entry
from localworld.hub.records import Commit, Entry, Repository, readable, resolve, xet_hashes

# Browsers must not render uploaded files as pages of this Hub.
_HARMLESS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}


def resolve_file(call: Call) -> Response:
    """Return a file or, for HEAD, the headers that the client needs before it downloads the file."""
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
    """Return a file as git stores it: for an LFS file, the pointer."""
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
