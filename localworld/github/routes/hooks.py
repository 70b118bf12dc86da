"""Routes of a repository's webhooks and their deliveries."""

import json
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import Response

from localworld.github import shapes
from localworld.github.clock import now
from localworld.github.db import Row
from localworld.github.errors import invalid, not_found
from localworld.github.http import Call


def list_hooks(call: Call) -> Response:
    """GET …/hooks"""
    repository = _administered(call)
    rows = call.github.db.all("SELECT * FROM hooks WHERE repository_id = ? ORDER BY id", repository["id"])
    return call.paged(rows, lambda row: _shape(call, repository, row))


def create(call: Call) -> Response:
    """POST …/hooks; the first delivery of a new hook is a ping"""
    repository = _administered(call)
    values = {"content_type": "form", "insecure_ssl": "0", "events": '["push"]', "active": 1}
    row = call.github.db.insert(
        "hooks",
        **{**values, **_values(call, new=True)},
        repository_id=repository["id"],
        created_at=now(),
        updated_at=now(),
    )
    _ping(call, repository, row)
    shape = _shape(call, repository, row)
    return call.reply(shape, 201, {"Location": shape["url"]})


def update(call: Call) -> Response:
    """PATCH …/hooks/{id}"""
    repository, row = _hook(call)
    call.github.db.update("hooks", row["id"], **_values(call, new=False), updated_at=now())
    return call.reply(_shape(call, repository, _hook(call)[1]))


def ping(call: Call) -> Response:
    """POST …/hooks/{id}/pings"""
    repository, row = _hook(call)
    _ping(call, repository, row)
    return Response(status_code=204)


def _ping(call: Call, repository: Row, row: Row) -> None:
    payload = {
        "zen": "Keep it logically awesome.",
        "hook_id": row["id"],
        "hook": _shape(call, repository, row),
        "repository": shapes.repository(call.github, repository),
    }
    call.github.webhooks.send(row, "ping", payload)


def _values(call: Call, *, new: bool) -> dict[str, Any]:
    """Validate the fields of a request and convert them to columns."""
    fields = call.fields()
    config, events = fields.get("config", None if new else {}), fields.get("events")
    if not isinstance(config, dict) or not all(isinstance(value, str | int) for value in config.values()):
        raise invalid("Hook", "config")
    if (new or "url" in config) and urlsplit(str(config.get("url"))).scheme not in ("http", "https"):
        raise invalid("Hook", "config", message="config must have a url of http or https")
    names = ("url", "content_type", "secret", "insecure_ssl")
    values: dict[str, Any] = {name: str(config[name]) for name in names if name in config}
    if events is not None:
        if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
            raise invalid("Hook", "events")
        values["events"] = json.dumps(events)
    if isinstance(fields.get("active"), bool):
        values["active"] = int(fields["active"])
    return values


def get(call: Call) -> Response:
    """GET …/hooks/{id}"""
    repository, row = _hook(call)
    return call.reply(_shape(call, repository, row))


def delete(call: Call) -> Response:
    """DELETE …/hooks/{id}"""
    _, row = _hook(call)
    call.github.db.run("DELETE FROM hooks WHERE id = ?", row["id"])
    return Response(status_code=204)


def deliveries(call: Call) -> Response:
    """GET …/hooks/{id}/deliveries, newest first"""
    repository, row = _hook(call)
    rows = call.github.db.all("SELECT * FROM deliveries WHERE hook_id = ? ORDER BY id DESC", row["id"])
    return call.paged(rows, lambda delivery: _delivery(repository, delivery))


def delivery(call: Call) -> Response:
    """GET …/hooks/{id}/deliveries/{delivery}"""
    repository, row = _hook(call)
    found = call.github.db.one(
        "SELECT * FROM deliveries WHERE id = ? AND hook_id = ?", call.number("delivery"), row["id"]
    )
    if found is None:
        raise not_found()
    content = {
        **_delivery(repository, found),
        "url": row["url"],
        "request": {
            "headers": json.loads(found["request_headers"]),
            "payload": json.loads(found["payload"]),
        },
        "response": {"headers": json.loads(found["response_headers"]), "payload": found["response"]},
    }
    return call.reply(content)


def _administered(call: Call) -> Row:
    repository = call.repository()
    call.require(repository, "admin", "administration")
    return repository


def _hook(call: Call) -> tuple[Row, Row]:
    repository = _administered(call)
    row = call.github.db.one(
        "SELECT * FROM hooks WHERE id = ? AND repository_id = ?", call.number("id"), repository["id"]
    )
    if row is None:
        raise not_found()
    return repository, row


def _shape(call: Call, repository: Row, row: Row) -> dict[str, Any]:
    """Return the schema hook, with the secret masked."""
    url = f"{shapes.repository_url(call.github, repository)}/hooks/{row['id']}"
    last = call.github.db.one("SELECT * FROM deliveries WHERE hook_id = ? ORDER BY id DESC", row["id"])
    config = {"url": row["url"], "content_type": row["content_type"], "insecure_ssl": row["insecure_ssl"]}
    return {
        "type": "Repository",
        "id": row["id"],
        "name": "web",
        "active": bool(row["active"]),
        "events": json.loads(row["events"]),
        "config": config | ({"secret": "********"} if row["secret"] else {}),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "url": url,
        "test_url": f"{url}/test",
        "ping_url": f"{url}/pings",
        "deliveries_url": f"{url}/deliveries",
        "last_response": {
            "code": last["status_code"] if last else None,
            "status": ("active" if last["status"] == "OK" else last["status"]) if last else "unused",
            "message": last["status"] if last else None,
        },
    }


def _delivery(repository: Row, row: Row) -> dict[str, Any]:
    """Return the schema hook-delivery-item."""
    names = ("id", "guid", "delivered_at", "duration", "status", "status_code", "event", "action")
    return {
        **{name: row[name] for name in names},
        "redelivery": False,
        "installation_id": None,
        "repository_id": repository["id"],
        "throttled_at": None,
    }


_HOOKS = "/repos/{owner}/{repo}/hooks"
_HOOK = f"{_HOOKS}/{{id:int}}"
TABLE = (
    ("GET", _HOOKS, list_hooks),
    ("POST", _HOOKS, create),
    ("GET", _HOOK, get),
    ("PATCH", _HOOK, update),
    ("DELETE", _HOOK, delete),
    ("POST", f"{_HOOK}/pings", ping),
    ("GET", f"{_HOOK}/deliveries", deliveries),
    ("GET", f"{_HOOK}/deliveries/{{delivery:int}}", delivery),
)
