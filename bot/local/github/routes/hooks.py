"""Webhooks of a repository and their deliveries."""

import json
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import Response

from bot.local.github import shapes
from bot.local.github.clock import now
from bot.local.github.db import Row
from bot.local.github.errors import invalid, not_found
from bot.local.github.http import Call


def list_hooks(call: Call) -> Response:
    """GET …/hooks"""
    repository = _administered(call)
    rows = call.github.db.all("SELECT * FROM hooks WHERE repository_id = ? ORDER BY id", repository["id"])
    return call.paged(rows, lambda row: _shape(call, repository, row))


def create(call: Call) -> Response:
    """POST …/hooks; its first delivery is a ping"""
    repository = _administered(call)
    fields = call.fields()
    config = fields.get("config")
    url = config.get("url") if isinstance(config, dict) else None
    if not isinstance(config, dict) or urlsplit(str(url)).scheme not in ("http", "https"):
        raise invalid("Hook", "config", message="config must have a url of http or https")
    row = call.github.db.insert(
        "hooks",
        repository_id=repository["id"],
        url=url,
        content_type=config.get("content_type") or "form",
        secret=config.get("secret"),
        insecure_ssl=str(config.get("insecure_ssl") or "0"),
        events=json.dumps(fields.get("events") or ["push"]),
        active=int(fields.get("active") is not False),
        created_at=now(),
        updated_at=now(),
    )
    shape = _shape(call, repository, row)
    payload = {"zen": "Keep it logically awesome.", "hook_id": row["id"], "hook": shape}
    call.github.webhooks.send(
        row, "ping", {**payload, "repository": shapes.repository(call.github, repository)}
    )
    return call.reply(shape, 201, {"Location": shape["url"]})


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
    """The schema hook; the secret is never shown."""
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
    """The schema hook-delivery-item."""
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
    ("DELETE", _HOOK, delete),
    ("GET", f"{_HOOK}/deliveries", deliveries),
    ("GET", f"{_HOOK}/deliveries/{{delivery:int}}", delivery),
)
