"""Xet over HTTP: the client sends xorbs and shards, and asks which parts of which xorbs make a file."""

import json
import re
import sqlite3
import time
from dataclasses import astuple
from typing import Any

from starlette.responses import JSONResponse, Response, StreamingResponse

from bot.local.hub.call import Call, Hub
from bot.local.hub.content import load_terms, parse_range, read_terms, sha256_of
from bot.local.hub.errors import HubError
from bot.local.hub.formats import FormatError, ShardFile, Term, file_hash, read_shard
from bot.local.hub.records import readable, writable
from bot.local.hub.xorbs import load_places, packed_size, read_packed, store_xorb

XORB_LIMIT = 80 << 20  # bytes: 64 MiB of chunks that do not compress, their headers, a footer
SHARD_LIMIT = 80 << 20
_TOKEN_LIFE = 3600  # seconds
_HASH = re.compile(r"[0-9a-f]{64}")


def token(call: Call) -> Response:
    """A short-lived token for the Xet addresses, bound to one repository and to reading or writing."""
    scope = call.param("scope")
    if scope not in ("read", "write"):
        raise HubError(404, "a Xet token is for read or write")
    with call.hub.storage.reading() as db:
        repository = writable(db, call) if scope == "write" else readable(db, call)
    expires = int(time.time()) + _TOKEN_LIFE
    sealed = call.hub.sealer.seal({"for": "xet", "repository": repository.id, "scope": scope}, expires)
    # The client remembers what it uploaded where. The store's own name in the address keeps it from believing
    # that a new store on an old port has what the old one had.
    url = f"{call.hub.base_url}/xet/{call.hub.storage.name}"
    headers = {
        "X-Xet-Cas-Url": url,
        "X-Xet-Access-Token": sealed,
        "X-Xet-Token-Expiration": str(expires),
    }
    return JSONResponse({"casUrl": url, "accessToken": sealed, "exp": expires}, headers=headers)


def admit_upload(call: Call) -> None:
    """Only a write token may upload.

    Raises:
        HubError: 401 or 403.
    """
    if _claims(call)["scope"] != "write":
        raise HubError(403, "this Xet token is for reading only")


def upload_xorb(call: Call) -> Response:
    """Store a xorb, if its chunks are what its name says."""
    try:
        new = store_xorb(call.hub.storage, call.param("hash"), call.received())
    except FormatError as error:
        raise HubError(400, str(error)) from None
    return JSONResponse({"was_inserted": new})


def upload_shard(call: Call) -> Response:
    """Register the files of a shard, each rebuilt once to check its hashes."""
    try:
        with call.received().open("rb") as file:
            files = read_shard(file)
    except FormatError as error:
        raise HubError(400, str(error)) from None
    for described in files:
        _register(call.hub, described)
    return JSONResponse({"result": 1})


def reconstruction(call: Call) -> Response:
    """Say which chunks of which xorbs make a file, or a range of it, and where to fetch them."""
    name = call.param("hash")
    claims = _claims(call)
    with call.hub.storage.reading() as db:
        row = db.execute(
            "SELECT size FROM xet_files JOIN repository_contents USING (sha256)"
            " WHERE hash = ? AND repository = ?",
            (name, claims["repository"]),
        ).fetchone()
        if row is None:
            raise HubError(404, f"this repository has no file {name}")
        wanted = parse_range(call.request.headers.get("range"), row["size"]) or (0, row["size"])
        skipped, terms = _trim(db, load_terms(db, name) or [], *wanted)
        fetch = {xorb: _fetches(db, call.hub, xorb, terms) for xorb in {term.xorb for term in terms}}
    listed = [
        {"hash": t.xorb, "unpacked_length": t.length, "range": {"start": t.start, "end": t.end}}
        for t in terms
    ]
    return JSONResponse({"offset_into_first_range": skipped, "terms": listed, "fetch_info": fetch})


def xorb_data(call: Call) -> Response:
    """The packed bytes of a xorb, by a signed address."""
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
        raise HubError(404, "this Hub has another store now; ask for a new token")
    if "hash" in call.request.path_params and not _HASH.fullmatch(call.param("hash")):
        raise HubError(400, "a hash has 64 hexadecimal digits")
    return claims


def _register(hub: Hub, described: ShardFile) -> None:
    """Make a file known under its Xet hash and its SHA-256, both of them checked."""
    storage = hub.storage
    with storage.reading() as db:
        if load_terms(db, described.hash) is not None:
            return
        leaves = []
        for term in described.terms:
            places = load_places(db, term.xorb)[term.start : term.end]
            length = sum(place.length for place in places)
            if len(places) != term.end - term.start or length != term.length or not places:
                raise HubError(400, f"the shard names chunks that the xorb {term.xorb} does not have")
            leaves += [(place.chunk, place.length) for place in places]
    if file_hash(leaves) != described.hash:
        raise HubError(400, f"the chunks in the shard do not make the file {described.hash}")
    size = sum(term.length for term in described.terms)
    sha256 = sha256_of(read_terms(storage, list(described.terms), 0, size))
    if described.sha256 not in (None, sha256):
        raise HubError(400, f"the file has the SHA-256 {sha256}, the shard says {described.sha256}")
    terms = json.dumps([astuple(term) for term in described.terms])
    with storage.writing() as db:
        db.execute(
            "INSERT OR IGNORE INTO xet_files VALUES (?, ?, ?, ?)", (described.hash, sha256, size, terms)
        )
        db.execute(
            "INSERT INTO contents VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET xet_hash = excluded.xet_hash",
            (sha256, size, described.hash),
        )
    # The packs hold it now; what came earlier through LFS would be a second copy.
    storage.blob_path(sha256).unlink(missing_ok=True)


def _trim(db: sqlite3.Connection, terms: list[Term], start: int, end: int) -> tuple[int, list[Term]]:
    """Only the chunks that a range touches, and how far into the first of them it begins."""
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
    """Where to fetch the runs of chunks that are needed of one xorb; runs that touch are joined."""
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
