"""Collections: lists of repositories under one title, such as a model and the data set that it learned."""

import re
import secrets
import sqlite3
from typing import Any

from starlette.responses import JSONResponse, Response

from localworld.hub.auth import require_writer
from localworld.hub.call import Call
from localworld.hub.errors import HubError
from localworld.hub.records import now, visible

_TITLE, _DESCRIPTION = 59, 150  # the most characters
_KINDS = {"model": "models", "dataset": "datasets"}


def listed(call: Call) -> Response:
    """Return the collections that the user may see, or those of one owner."""
    owner = call.request.query_params.get("owner")
    with call.hub.storage.reading() as db:
        rows = db.execute("SELECT * FROM collections ORDER BY updated DESC").fetchall()
        seen = [row for row in rows if owner in (None, row["owner"]) and _sees(call, row)]
        found = [_described(db, call, row) for row in seen]
    # The client adds the position in the list.
    return JSONResponse([{name: one[name] for name in one if name != "position"} for one in found])


def create(call: Call) -> Response:
    """Create a collection; raise 409 with its slug if the owner has one with this title."""
    content = call.json()
    title, owner = call.text("title", content), call.text("namespace", content)
    description = content.get("description") or ""
    require_writer(call.user, owner)
    if len(title) > _TITLE or not isinstance(description, str) or len(description) > _DESCRIPTION:
        raise HubError(400, f"a title has at most {_TITLE} characters, a description {_DESCRIPTION}")
    with call.hub.storage.writing() as db:
        query = "SELECT slug FROM collections WHERE owner = ? AND title = ?"
        known = db.execute(query, (owner, title)).fetchone()
        if known is not None:
            raise HubError(409, f"the collection {title} exists already", body={"slug": known["slug"]})
        words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
        slug = f"{owner}/{words}-{secrets.token_hex(12)}"
        row = (slug, owner, title, description, content.get("private") is True, now())
        db.execute("INSERT INTO collections VALUES (?, ?, ?, ?, ?, ?)", row)
        return JSONResponse(_described(db, call, _found(db, call, slug)))


def get(call: Call) -> Response:
    """Return a collection with the items that the user may see."""
    with call.hub.storage.reading() as db:
        return JSONResponse(_described(db, call, _found(db, call, _slug(call))))


def delete(call: Call) -> Response:
    """Delete a collection; its repositories stay."""
    with call.hub.storage.writing() as db:
        db.execute("DELETE FROM collections WHERE slug = ?", (_writable(db, call)["slug"],))
    return JSONResponse({"deleted": True})


def add_item(call: Call) -> Response:
    """Add a repository to a collection; raise 409 if the collection has it."""
    content = call.json()
    item = content.get("item")
    kind = _KINDS.get(str(item.get("type"))) if isinstance(item, dict) else None
    if kind is None:
        raise HubError(400, "this Hub supports items of the types model and dataset only")
    with call.hub.storage.writing() as db:
        collection = _writable(db, call)
        name = call.text("id", item)
        repository = visible(db, call, kind, name)
        values = (collection["slug"], repository.id, str(content.get("note") or ""))
        try:
            db.execute("INSERT INTO collection_items (collection, repository, note) VALUES (?, ?, ?)", values)
        except sqlite3.IntegrityError:
            raise HubError(409, f"{name} is in the collection already") from None
        db.execute("UPDATE collections SET updated = ? WHERE slug = ?", (now(), collection["slug"]))
        return JSONResponse(_described(db, call, collection))


def delete_item(call: Call) -> Response:
    """Remove an item from a collection by the item's own ID."""
    with call.hub.storage.writing() as db:
        values = (_writable(db, call)["slug"], call.param("item"))
        gone = db.execute("DELETE FROM collection_items WHERE collection = ? AND id = ?", values)
        if not gone.rowcount:
            raise HubError(404, f"the collection has no item {values[1]}")
    return JSONResponse({"deleted": True})


def _slug(call: Call) -> str:
    return f"{call.param('namespace')}/{call.param('slug')}"


def _writable(db: sqlite3.Connection, call: Call) -> sqlite3.Row:
    """Return the collection in the path for a user who may change it."""
    row = _found(db, call, _slug(call))
    require_writer(call.user, row["owner"])
    return row


def _found(db: sqlite3.Connection, call: Call, slug: str) -> sqlite3.Row:
    row: sqlite3.Row | None = db.execute("SELECT * FROM collections WHERE slug = ?", (slug,)).fetchone()
    if row is None or not _sees(call, row):
        raise HubError(404, f"Collection not found: {slug}")
    return row


def _sees(call: Call, row: sqlite3.Row) -> bool:
    return not row["private"] or bool(call.user and call.user.belongs_to(row["owner"]))


def _described(db: sqlite3.Connection, call: Call, row: sqlite3.Row) -> dict[str, Any]:
    """Return a collection as the Hub does."""
    query = """
        SELECT i.id, i.note, r.kind, r.name, r.private FROM collection_items AS i
        JOIN repositories AS r ON r.id = i.repository WHERE i.collection = ? ORDER BY i.id"""
    user = call.user
    items = db.execute(query, (row["slug"],)).fetchall()
    seen = [one for one in items if not one["private"] or (user and user.sees(one["kind"], one["name"]))]
    return {
        "slug": row["slug"],
        "title": row["title"],
        "description": row["description"],
        "owner": {"name": row["owner"], "type": "org"},
        "items": [
            {
                "_id": str(one["id"]),
                "id": one["name"],
                "type": one["kind"].removesuffix("s"),
                "position": position,
                **({"note": {"text": one["note"]}} if one["note"] else {}),
            }
            for position, one in enumerate(seen)
        ],
        "lastUpdated": row["updated"],
        "position": 0,
        "private": bool(row["private"]),
        "theme": "orange",
        "upvotes": 0,
    }
