"""Routes of a repository's metadata, tree and paths."""

import base64
import binascii
import hashlib
import sqlite3
from collections.abc import Iterator
from itertools import chain, pairwise
from urllib.parse import parse_qs

from starlette.responses import JSONResponse, Response

from localworld.hub.call import Call
from localworld.hub.commits import lfs_pointer
from localworld.hub.content import read_content
from localworld.hub.errors import HubError, no_entry
from localworld.hub.pages import CardError, split_card
from localworld.hub.records import (
    Commit,
    Entry,
    Repository,
    Tree,
    history,
    readable,
    resolve,
    xet_hashes,
)
from localworld.hub.storage import Storage

_PER_PAGE, _PER_EXPANDED_PAGE = 1000, 50
_CARD_LIMIT = 1 << 20  # bytes; the metadata of a larger README.md is ignored
Listed = dict[str, object]


def info(call: Call) -> Response:
    """Return a repository at a revision: its commit, card metadata, tags and files."""
    revision = call.param("revision") if "revision" in call.request.path_params else "main"
    with call.hub.storage.reading() as db:
        repository = readable(db, call)
        commit = resolve(db, repository, revision)
    card = _card(call.hub.storage, commit.tree)
    blobs = call.flag("blobs")
    answer: Listed = {
        "_id": str(repository.id),
        "id": repository.name,
        "author": repository.namespace,
        "sha": commit.oid,
        "createdAt": repository.created,
        "lastModified": commit.date,
        "private": repository.private,
        "gated": False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "cardData": card,
        "tags": _tags(card),
        "siblings": [_sibling(path, entry, blobs) for path, entry in sorted(commit.tree.items())],
        "usedStorage": sum({e.sha256: e.size for e in commit.tree.values()}.values()),
    }
    if repository.kind == "models":
        answer |= {"modelId": repository.name, "spaces": []}
        answer |= {key: card[key] for key in ("pipeline_tag", "library_name") if key in card}
    return JSONResponse(answer)


def tree(call: Call) -> Response:
    """Return one page of the files and folders below a path; `expand` adds the last commit of each."""
    prefix = call.param("path").strip("/") if "path" in call.request.path_params else ""
    recursive, expand = call.flag("recursive"), call.flag("expand")
    with call.hub.storage.reading() as db:
        repository = readable(db, call)
        commit = resolve(db, repository, call.param("revision"))
        below = _below(commit, prefix)
        listed = {**_folders(below, prefix), **below}
        if not recursive:
            depth = prefix.count("/") + 1 if prefix else 0
            listed = {path: entry for path, entry in listed.items() if path.count("/") == depth}
        paths = [path for path in sorted(listed) if path > _after(call)]
        size = _PER_EXPANDED_PAGE if expand else _PER_PAGE
        shown = paths[:size]
        items = _describe(db, repository, commit, shown, expand)
    headers = {"X-Repo-Commit": commit.oid}
    if len(paths) > size:
        cursor = base64.urlsafe_b64encode(shown[-1].encode()).decode()
        url = call.request.url.include_query_params(cursor=cursor)
        headers["Link"] = f'<{call.hub.base_url}{url.path}?{url.query}>; rel="next"'
    return JSONResponse(items, headers=headers)


def paths_info(call: Call) -> Response:
    """Return the metadata of some paths, without those that do not exist."""
    form = parse_qs(call.body.decode("utf-8", "replace"))
    is_json = call.request.headers.get("content-type", "").startswith("application/json")
    wanted = call.json().get("paths", []) if is_json else form.get("paths", [])
    expand = bool(call.json().get("expand")) if is_json else form.get("expand") in (["true"], ["True"])
    if not isinstance(wanted, list) or not all(isinstance(path, str) for path in wanted):
        raise HubError(400, "the body must have the field 'paths', a list of strings")
    with call.hub.storage.reading() as db:
        repository = readable(db, call)
        commit = resolve(db, repository, call.param("revision"))
        known = {**_folders(commit.tree, ""), **commit.tree}
        paths = [path.strip("/") for path in wanted if path.strip("/") in known]
        return JSONResponse(_describe(db, repository, commit, paths, expand))


def _card(storage: Storage, files: Tree) -> dict[str, object]:
    """Return the metadata of README.md; empty if it is missing or invalid."""
    readme = files.get("README.md")
    if readme is None or readme.size > _CARD_LIMIT:
        return {}
    text = b"".join(read_content(storage, readme.sha256, 0, readme.size)).decode("utf-8", "replace")
    try:
        card, _ = split_card(text)
    except CardError:
        return {}
    return card


def _tags(card: dict[str, object]) -> list[str]:
    """Return the tags that the Hub derives from the metadata of a card."""
    tags = [str(card["library_name"])] if "library_name" in card else []
    own = card.get("tags")
    tags += [str(tag) for tag in own] if isinstance(own, list) else []
    for key, prefix in (("license", "license:"), ("base_model", "base_model:"), ("datasets", "dataset:")):
        value = card.get(key)
        tags += [prefix + str(v) for v in (value if isinstance(value, list) else [value]) if v]
    return tags


def _sibling(path: str, entry: Entry, blobs: bool) -> Listed:
    found: Listed = {"rfilename": path}
    if blobs:
        found |= {"size": entry.size, "blobId": entry.oid}
        if entry.lfs:
            pointer = len(lfs_pointer(entry.sha256, entry.size))
            found["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": pointer}
    return found


def _below(commit: Commit, prefix: str) -> dict[str, Entry]:
    if not prefix:
        return dict(commit.tree)
    below = {path: entry for path, entry in commit.tree.items() if path.startswith(prefix + "/")}
    if not below:
        raise no_entry(prefix, commit.oid)
    return below


def _folders(files: Tree, prefix: str) -> dict[str, None]:
    """Return the folders of these files that are below a prefix, as keys."""
    found = {"/".join(path.split("/")[:depth]) for path in files for depth in range(1, path.count("/") + 1)}
    return {folder: None for folder in found if len(folder) > len(prefix)}


def _after(call: Call) -> str:
    try:
        return base64.urlsafe_b64decode(call.request.query_params.get("cursor", "")).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise HubError(400, "the cursor is invalid; use the Link header of the previous page") from None


def _describe(
    db: sqlite3.Connection, repository: Repository, commit: Commit, paths: list[str], expand: bool
) -> list[Listed]:
    xet = xet_hashes(db, {path: commit.tree[path] for path in paths if path in commit.tree})
    last = _last_commits(history(db, repository, commit), set(paths)) if expand else {}
    items = []
    for path in paths:
        entry = commit.tree.get(path)
        item: Listed = {"path": path}
        if entry is None:
            item |= {"type": "directory", "oid": _folder_oid(commit.tree, path), "size": 0}
        else:
            item |= {"type": "file", "oid": entry.oid, "size": entry.size}
            if entry.lfs:
                pointer = len(lfs_pointer(entry.sha256, entry.size))
                item["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": pointer}
            if entry.sha256 in xet:
                item["xetHash"] = xet[entry.sha256]
        if path in last:
            changed = last[path]
            item["lastCommit"] = {"id": changed.oid, "title": changed.title, "date": changed.date}
        items.append(item)
    return items


def _folder_oid(files: Tree, folder: str) -> str:
    """Return an id of a folder that changes with its content."""
    inside = sorted((path, entry.oid) for path, entry in files.items() if path.startswith(folder + "/"))
    return hashlib.sha1(repr(inside).encode(), usedforsecurity=False).hexdigest()


def _last_commits(commits: Iterator[Commit], wanted: set[str]) -> dict[str, Commit]:
    """Return by path the newest commit that changed a file, or anything in a folder."""
    last: dict[str, Commit] = {}
    nothing = Commit("", None, {}, "", "", "", "")
    for commit, before in pairwise(chain(commits, [nothing])):
        for path in {*commit.tree, *before.tree}:
            if commit.tree.get(path) != before.tree.get(path):
                for depth in range(path.count("/") + 1):
                    last.setdefault(path.rsplit("/", depth)[0], commit)
        if wanted <= last.keys():
            break
    return last
