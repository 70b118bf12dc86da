"""The Xet API (CAS): upload of xorbs and shards, reconstruction of files, download of xorb data."""

import json
import re
import sqlite3
import time
from dataclasses import astuple
from typing import Any

from starlette.responses import JSONResponse, Response, StreamingResponse

from localworld.hub.call import Call, Hub
from localworld.hub.content import load_terms, parse_range, read_terms, sha256_of
from localworld.hub.errors import HubError
from localworld.hub.formats import FormatError, ShardFile, Term, file_hash, read_shard
from localworld.hub.records import readable, writable
from localworld.hub.xorbs import load_places, packed_size, read_packed, store_xorb

XORB_LIMIT = 80 << 20  # bytes: 64 MiB of incompressible chunks, their headers, a footer
SHARD_LIMIT = 80 << 20  # bytes
_TOKEN_LIFE = 3600  # seconds
_HASH = re.compile(r"[0-9a-f]{64}")


def token(call: Call) -> Response:
    """Return a short-lived token for the Xet API, for one repository and the scope read or write."""
    scope = call.param("scope")
    if scope not in ("read", "write"):
        raise HubError(404, "the scope of a Xet token must be read or write")
    with call.hub.storage.reading() as db:
        repository = writable(db, call) if scope == "write" else readable(db, call)
    expires = int(time.time()) + _TOKEN_LIFE
    sealed = call.hub.sealer.seal({"for": "xet", "repository": repository.id, "scope": scope}, expires)
    # The client caches which chunks it uploaded to a URL. The storage's name in the URL prevents it from
    # assuming that another storage on the same port has these chunks.
    url = f"{call.hub.base_url}/xet/{call.hub.storage.name}"
    headers = {
        "X-Xet-Cas-Url": url,
        "X-Xet-Access-Token": sealed,
        "X-Xet-Token-Expiration": str(expires),
    }
    return JSONResponse({"casUrl": url, "accessToken": sealed, "exp": expires}, headers=headers)


def admit_upload(call: Call) -> None:
    """Check that the request has a Xet token with write scope.

    Raises:
        HubError: 401, the token is invalid or has expired; 403, it is read-only.
    """
    if _claims(call)["scope"] != "write":
        raise HubError(403, "this Xet token is read-only; request one with write scope")


def upload_xorb(call: Call) -> Response:
    """Store a xorb if its chunks match the hash in the path."""
    try:
        new = store_xorb(call.hub.storage, call.param("hash"), call.received())
    except FormatError as error:
        raise HubError(400, str(error)) from None
    return JSONResponse({"was_inserted": new})


def upload_shard(call: Call) -> Response:
    """Register the files of a shard, after reconstructing each one to verify its hashes."""
    try:
        with call.received().open("rb") as file:
            files = read_shard(file)
    except FormatError as error:
        raise HubError(400, str(error)) from None
    for described in files:
        _register(call.hub, described)
    return JSONResponse({"result": 1})


def reconstruction(call: Call) -> Response:
    """Return the chunks and xorbs that a file or a range of it consists of, and their download URLs."""
    name = call.param("hash")
    claims = _claims(call)
    with call.hub.storage.reading() as db:
        row = db.execute(
            "SELECT size FROM xet_files JOIN repository_contents USING (sha256)"
            " WHERE hash = ? AND repository = ?",
            (name, claims["repository"]),
        ).fetchone()
        if row is None:
            raise HubError(404, f"this repository has no file with the Xet hash {name}")
        wanted = parse_range(call.request.headers.get("range"), row["size"]) or (0, row["size"])
        skipped, terms = _trim(db, load_terms(db, name) or [], *wanted)
        fetch = {xorb: _fetches(db, call.hub, xorb, terms) for xorb in {term.xorb for term in terms}}
    listed = [
        {"hash": t.xorb, "unpacked_length": t.length, "range": {"start": t.start, "end": t.end}}
        for t in terms
    ]
    return JSONResponse({"offset_into_first_range": skipped, "terms": listed, "fetch_info": fetch})


def xorb_data(call: Call) -> Response:
    """Return the packed bytes of a xorb, for a signed URL."""
    claims = call.hub.sealer.unseal(call.request.query_params.get("sealed", ""), "xorb")
    with call.hub.storage.reading() as db:
        places = load_places(db, claims["xorb"])
    size = packed_size(places)
    start, end = parse_range(call.request.headers.get("range"), size) or (0, size)
    headers = {"Content-Length": str(end - start), "Content-Range": f"bytes {start}-{end - 1}/{size}"}
    pieces = read_packed(call.hub.storage, places, start, end)
    return StreamingResponse(pieces, 206, headers, "application/octet-stream")


def _claims(call: Call) -> dict[str, Any]:
    _, _, sealed = call.request.headers.get("authorization", "").partition(" ")
    claims = call.hub.sealer.unseal(sealed, "xet")
    if call.param("store") != call.hub.storage.name:
        raise HubError(404, "the storage of this Hub has changed; request a new Xet token")
    if "hash" in call.request.path_params and not _HASH.fullmatch(call.param("hash")):
        raise HubError(400, "a Xet hash must have 64 hexadecimal digits")
    return claims


def _register(hub: Hub, described: ShardFile) -> None:
    """Register a file under its Xet hash and its SHA-256, after verifying both."""
    storage = hub.storage
    with storage.reading() as db:
        if load_terms(db, described.hash) is not None:
            return
        leaves = []
        for term in described.terms:
            places = load_places(db, term.xorb)[term.start : term.end]
            length = sum(place.length for place in places)
            if len(places) != term.end - term.start or length != term.length or not places:
                raise HubError(400, f"the shard lists chunks that the xorb {term.xorb} does not have")
            leaves += [(place.chunk, place.length) for place in places]
    if file_hash(leaves) != described.hash:
        raise HubError(400, f"the chunks in the shard do not have the file hash {described.hash}")
    size = sum(term.length for term in described.terms)
    sha256 = sha256_of(read_terms(storage, list(described.terms), 0, size))
    if described.sha256 not in (None, sha256):
        raise HubError(400, f"the file has the SHA-256 {sha256}, but the shard lists {described.sha256}")
    terms = json.dumps([astuple(term) for term in described.terms])
    with storage.writing() as db:
        db.execute(
            "INSERT OR IGNORE INTO xet_files VALUES (?, ?, ?, ?)", (described.hash, sha256, size, terms)
        )
        db.execute(
            "INSERT INTO contents VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET xet_hash = excluded.xet_hash",
            (sha256, size, described.hash),
        )
    # The content is in packs now; delete the copy of an earlier LFS upload.
    storage.blob_path(sha256).unlink(missing_ok=True)


def _trim(db: sqlite3.Connection, terms: list[Term], start: int, end: int) -> tuple[int, list[Term]]:
    """Reduce terms to the chunks that a range touches.

    Returns:
        The offset of the range within the first chunk, in unpacked bytes, and the terms.
    """
    skipped = position = 0
    kept: list[Term] = []
    for term in terms:
        first = last = None
        length = 0
        for index, place in enumerate(load_places(db, term.xorb)[term.start : term.end], start=term.start):
            if position + place.length > start and position < end:
                if first is None:
                    first = index
                    skipped = start - position if not kept else skipped
                last, length = index + 1, length + place.length
            position += place.length
        if first is not None and last is not None:
            kept.append(Term(term.xorb, first, last, length))
    return skipped, kept


def _fetches(db: sqlite3.Connection, hub: Hub, xorb: str, terms: list[Term]) -> list[dict[str, object]]:
    """Return download URLs and byte ranges of the needed chunks of a xorb; adjacent ranges are joined."""
    runs: list[list[int]] = []
    for start, end in sorted((term.start, term.end) for term in terms if term.xorb == xorb):
        if runs and start <= runs[-1][1]:
            runs[-1][1] = max(end, runs[-1][1])
        else:
            runs.append([start, end])
    places = load_places(db, xorb)
    sealed = hub.sealer.seal({"for": "xorb", "xorb": xorb}, int(time.time()) + _TOKEN_LIFE)
    url = f"{hub.base_url}/xet/{hub.storage.name}/data?sealed={sealed}"
    return [
        {
            "range": {"start": start, "end": end},
            "url": url,
            "url_range": {"start": packed_size(places[:start]), "end": packed_size(places[:end]) - 1},
        }
        for start, end in runs
    ]
