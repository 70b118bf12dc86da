"""Routes that create, delete and move repositories; their settings, branches and tags; /api/whoami-v2."""

import re
import sqlite3
from dataclasses import replace
from typing import Any

from starlette.responses import JSONResponse, Response

from localworld.hub.auth import HubUser, require_writer
from localworld.hub.call import Call
from localworld.hub.commits import default_attributes, first_commit
from localworld.hub.errors import HubError, no_revision
from localworld.hub.pages import CardError, split_card
from localworld.hub.records import (
    MAIN,
    Repository,
    find_repository,
    now,
    readable,
    references,
    resolve,
    set_reference,
    visible,
    writable,
)
from localworld.hub.storage import Storage

_NAME = re.compile(r"(?!.*(--|\.\.))[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}(?<![.-])")
_REFERENCE = re.compile(
    r"(?!.*(\.\.|//|@\{|\.lock$))[^\x00-\x20\x7f~^:?*\[\\/.-][^\x00-\x20\x7f~^:?*\[\\]{0,199}(?<![/.])"
)
_KINDS = {"model": "models", "dataset": "datasets"}


def whoami(call: Call) -> Response:
    """Return the user of the token."""
    user = call.user
    if user is None:
        raise HubError(401, "Invalid username or password.")
    role = "write" if user.can_write else "read"
    orgs = [{"type": "org", "name": org, "fullname": org, "roleInOrg": role} for org in user.orgs]
    token = {"type": "access_token", "accessToken": {"displayName": user.name, "role": role}}
    return JSONResponse(
        {
            "type": "user",
            "id": user.name,
            "name": user.name,
            "fullname": user.name,
            "orgs": orgs,
            "auth": token,
        }
    )


def validate_yaml(call: Call) -> Response:
    """Validate the metadata of a card; return 400 with errors if it is not a YAML mapping."""
    content = call.json().get("content")
    try:
        card, _ = split_card(content if isinstance(content, str) else "")
    except CardError as error:
        return JSONResponse({"errors": [{"message": str(error)}], "warnings": []}, 400)
    missing = [] if card else [{"message": "empty or missing yaml metadata in repo card"}]
    return JSONResponse({"errors": [], "warnings": missing})


def create(call: Call) -> Response:
    """Create a repository; raise 409 if it exists already."""
    user, kind, name = _named(call)
    private = call.json().get("visibility") == "private" or call.json().get("private") is True
    repository = Repository(0, kind, name, private, now())
    answer = {"url": f"{call.hub.base_url}/{repository.web_path}", "name": name}
    if not add_repository(call.hub.storage, repository, user.name):
        raise HubError(409, f"You already created this {kind[:-1]} repo: {name}", body=dict(answer))
    return JSONResponse(answer)


def add_repository(storage: Storage, wanted: Repository, author: str) -> bool:
    """Add a repository with its first commit, and return True; return False if it exists already."""
    attributes = default_attributes(storage)
    with storage.writing() as db:
        if find_repository(db, wanted.kind, wanted.name):
            return False
        cursor = db.execute(
            "INSERT INTO repositories (kind, name, private, created) VALUES (?, ?, ?, ?)",
            (wanted.kind, wanted.name, wanted.private, wanted.created),
        )
        first_commit(db, replace(wanted, id=int(cursor.lastrowid or 0)), attributes, author)
    return True


def delete(call: Call) -> Response:
    """Delete a repository."""
    _, kind, name = _named(call)
    with call.hub.storage.writing() as db:
        repository = visible(db, call, kind, name)
        db.execute("DELETE FROM repositories WHERE id = ?", (repository.id,))
    return JSONResponse({"deleted": True})


def move(call: Call) -> Response:
    """Rename a repository, within its namespace or to another one."""
    kind = _kind(call)
    source, target = call.text("fromRepo"), call.text("toRepo")
    with call.hub.storage.writing() as db:
        repository = visible(db, call, kind, source)
        require_writer(call.user, repository.namespace)
        require_writer(call.user, target.split("/")[0])
        _check_name(target)
        if find_repository(db, kind, target):
            raise HubError(409, f"the repository {target} already exists; choose another name")
        db.execute("UPDATE repositories SET name = ? WHERE id = ?", (target, repository.id))
    return JSONResponse({"moved": True})


def settings(call: Call) -> Response:
    """Change the visibility of a repository."""
    wanted = call.json()
    if wanted.get("gated"):
        raise HubError(400, "this Hub does not support gated repositories; make the repository private")
    private = wanted.get("visibility") == "private" or wanted.get("private") is True
    with call.hub.storage.writing() as db:
        repository = writable(db, call)
        require_writer(call.user, repository.namespace)
        db.execute("UPDATE repositories SET private = ? WHERE id = ?", (private, repository.id))
    return JSONResponse({"private": private, "gated": False})


def auth_check(call: Call) -> Response:
    """Check that the user can read a repository."""
    with call.hub.storage.reading() as db:
        readable(db, call)
    return JSONResponse({})


def refs(call: Call) -> Response:
    """Return the branches and tags of a repository."""
    with call.hub.storage.reading() as db:
        repository = readable(db, call)
        branches = _references(db, repository, "branch", "refs/heads/")
        tags = _references(db, repository, "tag", "refs/tags/")
    pulls: dict[str, Any] = {"pullRequests": []} if call.flag("include_prs") else {}
    return JSONResponse({"branches": branches, "tags": tags, "converts": [], **pulls})


def create_branch(call: Call) -> Response:
    """Create a branch; raise 409 if it exists already."""
    name = _checked_reference(call.param("branch"))
    with call.hub.storage.writing() as db:
        repository = writable(db, call)
        if name in references(db, repository, "branch"):
            raise HubError(409, f"Reference already exists: {name}")
        start = resolve(db, repository, call.json().get("startingPoint") or MAIN)
        set_reference(db, repository, "branch", name, start.oid)
    return JSONResponse({"ref": f"refs/heads/{name}", "targetCommit": start.oid})


def delete_branch(call: Call) -> Response:
    """Delete a branch other than main."""
    if call.param("branch") == MAIN:
        raise HubError(403, "the branch main cannot be deleted")
    return _delete_reference(call, "branch", call.param("branch"))


def create_tag(call: Call) -> Response:
    """Create a tag at a revision; raise 409 if it exists already."""
    name = _checked_reference(call.text("tag"))
    message = call.json().get("message") or ""
    with call.hub.storage.writing() as db:
        repository = writable(db, call)
        target = resolve(db, repository, call.param("revision")).oid
        if name in references(db, repository, "tag"):
            raise HubError(409, f"Tag reference exists already: {name}")
        set_reference(db, repository, "tag", name, target, str(message))
    return JSONResponse({"ref": f"refs/tags/{name}", "targetCommit": target})


def delete_tag(call: Call) -> Response:
    """Delete a tag."""
    return _delete_reference(call, "tag", call.param("revision"))


def _named(call: Call) -> tuple[HubUser, str, str]:
    """Return the user, the kind and the full name of the repository that the body names.

    Raises:
        HubError: 400, the name or the kind is invalid; 401 or 403, the user may not write in the namespace.
    """
    content = call.json()
    user = call.user
    organization = content.get("organization") or (user.name if user else "")
    writer = require_writer(user, organization)
    name = f"{organization}/{call.text('name', content)}"
    _check_name(name)
    return writer, _kind(call), name


def _kind(call: Call) -> str:
    kind = call.json().get("type") or "model"
    if kind not in _KINDS:
        raise HubError(400, f"this Hub supports the types model and dataset only, not '{kind}'")
    return _KINDS[kind]


def _check_name(name: str) -> None:
    parts = name.split("/")
    if len(parts) != 2 or not all(_NAME.fullmatch(part) for part in parts) or name.endswith(".git"):
        raise HubError(
            400, f"'{name}' is not a valid repository name; use letters, digits, '-', '_', '.', and one '/'"
        )


def _checked_reference(name: str) -> str:
    if not _REFERENCE.fullmatch(name):
        raise HubError(400, f"'{name}' is not a valid name of a branch or tag")
    return name


def _references(
    db: sqlite3.Connection, repository: Repository, kind: str, prefix: str
) -> list[dict[str, str]]:
    found = references(db, repository, kind)
    return [{"name": n, "ref": prefix + n, "targetCommit": target} for n, target in found.items()]


def _delete_reference(call: Call, kind: str, name: str) -> Response:
    with call.hub.storage.writing() as db:
        repository = writable(db, call)
        if name not in references(db, repository, kind):
            raise no_revision(name)
        db.execute(
            "DELETE FROM refs WHERE repository = ? AND kind = ? AND name = ?", (repository.id, kind, name)
        )
    return JSONResponse({"deleted": True})
