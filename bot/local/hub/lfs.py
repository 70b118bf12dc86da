"""Git LFS as the client uses it: ask what is missing, send it in one piece or in parts."""

import hashlib
import re
import shutil
import time
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse, Response

from bot.local.hub.call import Call, Hub
from bot.local.hub.errors import HubError
from bot.local.hub.records import writable
from bot.local.hub.storage import content_size

PART_SIZE = 32 << 20  # bytes; larger files are sent in parts of this size
OBJECT_LIMIT = 64 << 30  # bytes
_LINK_LIFE = 6 * 3600  # seconds
_SHA256 = re.compile(r"[0-9a-f]{64}")


def batch(call: Call) -> Response:
    """For each object say where to send it; an object without actions is there already."""
    content = call.json()
    objects = content.get("objects")
    if content.get("operation") != "upload" or not isinstance(objects, list):
        raise HubError(400, "this Hub answers LFS batches that upload; downloads go through /resolve/")
    with call.hub.storage.reading() as db:
        writable(db, call)
        answers = []
        for wanted in objects:
            sha256, size = _checked(wanted)
            answer: dict[str, Any] = {"oid": sha256, "size": size}
            if content_size(db, sha256) is None:
                answer["actions"] = {"upload": _upload_action(call.hub, sha256, size)}
            answers.append(answer)
    kind = {"Content-Type": "application/vnd.git-lfs+json"}
    return JSONResponse({"transfer": "basic", "objects": answers}, headers=kind)


def admit(call: Call) -> None:
    """Only a signed address may send an object."""
    _claims(call)


def receive(call: Call) -> Response:
    """Take a whole object."""
    _store(call.hub, call.received(), _claims(call))
    return Response()


def receive_part(call: Call) -> Response:
    """Take one part of an object; it waits until the client says that all are there."""
    claims = _claims(call)
    folder = _parts_folder(call.hub, claims)
    folder.mkdir(exist_ok=True)
    received = call.received()
    with received.open("rb") as file:
        etag = hashlib.file_digest(file, "sha256").hexdigest()
    received.replace(folder / str(claims["part"]))
    return Response(headers={"ETag": f'"{etag}"'})


def complete(call: Call) -> Response:
    """Join the parts of an object."""
    claims = _claims(call)
    folder = _parts_folder(call.hub, claims)
    paths = [folder / str(number) for number in _part_numbers(claims["size"])]
    missing = [path.name for path in paths if not path.exists()]
    if missing:
        raise HubError(400, f"the parts {', '.join(missing)} of {claims['sha256']} did not arrive")
    whole = call.hub.storage.temporary()
    with whole.open("wb") as target:
        for path in paths:
            with path.open("rb") as part:
                shutil.copyfileobj(part, target, 1 << 20)
            path.unlink()
    folder.rmdir()
    try:
        _store(call.hub, whole, claims)
    finally:
        whole.unlink(missing_ok=True)
    return JSONResponse({"success": True})


def _store(hub: Hub, received: Path, claims: dict[str, Any]) -> None:
    with received.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != claims["sha256"] or received.stat().st_size != claims["size"]:
        raise HubError(
            400, f"the bytes that arrived have the SHA-256 {found}, announced was {claims['sha256']}"
        )
    hub.storage.add_blob_file(received, found)


def _upload_action(hub: Hub, sha256: str, size: int) -> dict[str, Any]:
    expires = int(time.time()) + _LINK_LIFE
    claims = {"for": "lfs", "sha256": sha256, "size": size, "session": expires}

    def link(route: str, **more: int) -> str:
        return f"{hub.base_url}/lfs/{route}?sealed={hub.sealer.seal({**claims, **more}, expires)}"

    if size <= PART_SIZE:
        return {"href": link("object")}
    parts = {str(number): link("part", part=number) for number in _part_numbers(size)}
    return {"href": link("complete"), "header": {"chunk_size": str(PART_SIZE), **parts}}


def _part_numbers(size: int) -> range:
    return range(1, -(-size // PART_SIZE) + 1)


def _parts_folder(hub: Hub, claims: dict[str, Any]) -> Path:
    return hub.storage.incoming / f"parts-{claims['sha256']}-{claims['session']}"


def _claims(call: Call) -> dict[str, Any]:
    return call.hub.sealer.unseal(call.request.query_params.get("sealed", ""), "lfs")


def _checked(wanted: object) -> tuple[str, int]:
    if isinstance(wanted, dict):
        sha256, size = wanted.get("oid"), wanted.get("size")
        if isinstance(sha256, str) and _SHA256.fullmatch(sha256) and isinstance(size, int) and size >= 0:
            return sha256, size
    raise HubError(400, "each object has an oid (SHA-256) and a size")
