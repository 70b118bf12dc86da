"""Git LFS uploads: the batch API, and transfers of whole objects or of parts."""

import hashlib
import re
import shutil
import time
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse, Response

from localworld.hub.call import Call, Hub
from localworld.hub.errors import HubError
from localworld.hub.records import writable
from localworld.hub.storage import content_size

PART_SIZE = 32 << 20  # bytes; larger files are uploaded in parts of this size
OBJECT_LIMIT = 64 << 30  # bytes
_LINK_LIFE = 6 * 3600  # seconds
_SHA256 = re.compile(r"[0-9a-f]{64}")


def batch(call: Call) -> Response:
    """Return the upload URLs of each object; an object that is stored already has no actions."""
    content = call.json()
    objects = content.get("objects")
    if content.get("operation") != "upload" or not isinstance(objects, list):
        raise HubError(400, "this Hub supports LFS batches for uploads only; download through /resolve/")
    with call.hub.storage.reading() as db:
        writable(db, call)
        answers = []
        for item in objects:
            sha256, size = _checked(item)
            answer: dict[str, Any] = {"oid": sha256, "size": size}
            if content_size(db, sha256) is None:
                answer["actions"] = {"upload": _upload_action(call.hub, sha256, size)}
            answers.append(answer)
    kind = {"Content-Type": "application/vnd.git-lfs+json"}
    return JSONResponse({"transfer": "basic", "objects": answers}, headers=kind)


def admit(call: Call) -> None:
    """Raise HubError unless the URL is signed."""
    _claims(call)


def receive(call: Call) -> Response:
    """Store a whole object."""
    _store(call.hub, call.received(), _claims(call))
    return Response()


def receive_part(call: Call) -> Response:
    """Keep one part of an object until the client completes the upload."""
    claims = _claims(call)
    folder = _parts_folder(call.hub, claims)
    folder.mkdir(exist_ok=True)
    received = call.received()
    with received.open("rb") as file:
        etag = hashlib.file_digest(file, "sha256").hexdigest()
    received.replace(folder / str(claims["part"]))
    return Response(headers={"ETag": f'"{etag}"'})


def complete(call: Call) -> Response:
    """Join the parts of an object and store it."""
    claims = _claims(call)
    folder = _parts_folder(call.hub, claims)
    paths = [folder / str(number) for number in _part_numbers(claims["size"])]
    missing = [path.name for path in paths if not path.exists()]
    if missing:
        raise HubError(
            400, f"parts {', '.join(missing)} of {claims['sha256']} are missing; upload them again"
        )
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
            400,
            f"the upload has {received.stat().st_size} bytes and the SHA-256 {found}, but the LFS batch"
            f" announced {claims['size']} bytes and {claims['sha256']}",
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


def _checked(item: object) -> tuple[str, int]:
    if isinstance(item, dict):
        sha256, size = item.get("oid"), item.get("size")
        if isinstance(sha256, str) and _SHA256.fullmatch(sha256) and isinstance(size, int) and size >= 0:
            return sha256, size
    raise HubError(400, "each object must have an oid (SHA-256) and a size")
