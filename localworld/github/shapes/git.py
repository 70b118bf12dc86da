"""JSON of commits, trees, files and refs."""

import base64
from typing import Any
from urllib.parse import quote

from localworld.github import diff
from localworld.github.db import Row
from localworld.github.diff import FileChange
from localworld.github.git import Commit, Signature, TreeEntry
from localworld.github.shapes.repositories import repository_url, web_url
from localworld.github.shapes.users import node_id, simple_user
from localworld.github.state import GitHub

NOREPLY = "users.noreply.github.com"
UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def signature_of(user: Row, date: str) -> Signature:
    """Return the signature of a user for commits on the web; without an email, with a no-reply address."""
    return Signature(
        user["name"] or user["login"], user["email"] or f"{user['id']}+{user['login']}@{NOREPLY}", date
    )


def user_of(github: GitHub, signature: Signature) -> Row | None:
    """Find the user by the email address in a commit, or None."""
    login = (
        signature.email.removesuffix(f"@{NOREPLY}").partition("+")[2] if NOREPLY in signature.email else ""
    )
    if login:
        return github.user(login)
    return github.db.one("SELECT * FROM users WHERE email = ? COLLATE NOCASE", signature.email)


def git_signature(signature: Signature) -> dict[str, str]:
    """Return the JSON of an author or committer, with the date."""
    return {"name": signature.name, "email": signature.email, "date": signature.date}


def git_commit(github: GitHub, repository: Row, commit: Commit) -> dict[str, Any]:
    """Return the schema git-commit."""
    url = repository_url(github, repository)
    html = web_url(github, repository)
    return {
        "sha": commit.sha,
        "node_id": node_id("C", commit.sha),
        "url": f"{url}/git/commits/{commit.sha}",
        "html_url": f"{html}/commit/{commit.sha}",
        "author": git_signature(commit.author),
        "committer": git_signature(commit.committer),
        "message": commit.message,
        "tree": {"sha": commit.tree, "url": f"{url}/git/trees/{commit.tree}"},
        "parents": [
            {"sha": sha, "url": f"{url}/git/commits/{sha}", "html_url": f"{html}/commit/{sha}"}
            for sha in commit.parents
        ],
        "verification": UNSIGNED,
    }


def commit(github: GitHub, repository: Row, made: Commit) -> dict[str, Any]:
    """Return the schema commit, without stats and files."""
    url = repository_url(github, repository)
    html = web_url(github, repository)
    author, committer = user_of(github, made.author), user_of(github, made.committer)
    return {
        "sha": made.sha,
        "node_id": node_id("C", made.sha),
        "url": f"{url}/commits/{made.sha}",
        "html_url": f"{html}/commit/{made.sha}",
        "comments_url": f"{url}/commits/{made.sha}/comments",
        "commit": {
            "url": f"{url}/git/commits/{made.sha}",
            "author": git_signature(made.author),
            "committer": git_signature(made.committer),
            "message": made.message,
            "tree": {"sha": made.tree, "url": f"{url}/git/trees/{made.tree}"},
            "comment_count": 0,
            "verification": UNSIGNED,
        },
        "author": simple_user(github, author) if author else None,
        "committer": simple_user(github, committer) if committer else None,
        "parents": [
            {"sha": sha, "url": f"{url}/commits/{sha}", "html_url": f"{html}/commit/{sha}"}
            for sha in made.parents
        ],
    }


def commit_with_files(github: GitHub, repository: Row, made: Commit) -> dict[str, Any]:
    """Return the schema commit, with stats and files compared with its first parent."""
    git = github.git(repository["full_name"])
    files = diff.changes(git, made.parents[0] if made.parents else None, made.sha)
    added, deleted = sum(file.additions for file in files), sum(file.deletions for file in files)
    return {
        **commit(github, repository, made),
        "stats": {"total": added + deleted, "additions": added, "deletions": deleted},
        "files": [diff_entry(github, repository, made.sha, file) for file in files],
    }


def diff_entry(github: GitHub, repository: Row, sha: str, file: FileChange) -> dict[str, Any]:
    """Return the schema diff-entry."""
    path = quote(file.path)
    html = web_url(github, repository)
    entry = {
        "sha": file.sha,
        "filename": file.path,
        "status": file.status,
        "additions": file.additions,
        "deletions": file.deletions,
        "changes": file.additions + file.deletions,
        "blob_url": f"{html}/blob/{sha}/{path}",
        "raw_url": f"{html}/raw/{sha}/{path}",
        "contents_url": f"{repository_url(github, repository)}/contents/{path}?ref={sha}",
    }
    if file.patch is not None:
        entry["patch"] = file.patch
    if file.previous is not None:
        entry["previous_filename"] = file.previous
    return entry


def content(github: GitHub, repository: Row, ref: str, entry: TreeEntry) -> dict[str, Any]:
    """Return an entry of the schema content-directory, whose fields content-file has, too."""
    url, html, path = repository_url(github, repository), web_url(github, repository), quote(entry.path)
    kind = {"040000": "dir", "160000": "submodule", "120000": "symlink"}.get(entry.mode, "file")
    place, api = ("tree", "trees") if kind == "dir" else ("blob", "blobs")
    links = {
        "self": f"{url}/contents/{path}?ref={quote(ref, safe='')}",
        "git": f"{url}/git/{api}/{entry.sha}",
        "html": f"{html}/{place}/{quote(ref)}/{path}",
    }
    return {
        "type": kind,
        "name": entry.path.rpartition("/")[2],
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size or 0,
        "url": links["self"],
        "git_url": links["git"],
        "html_url": links["html"],
        "download_url": f"{html}/raw/{quote(ref)}/{path}" if kind in {"file", "symlink"} else None,
        "_links": links,
    }


def content_file(github: GitHub, repository: Row, ref: str, entry: TreeEntry, data: bytes) -> dict[str, Any]:
    """Return the schema content-file."""
    return {
        **content(github, repository, ref, entry),
        "encoding": "base64",
        "content": base64.encodebytes(data).decode(),
    }


def tree(github: GitHub, repository: Row, sha: str, entries: list[TreeEntry]) -> dict[str, Any]:
    """Return the schema git-tree."""
    url = f"{repository_url(github, repository)}/git"
    shown = []
    for entry in entries:
        item: dict[str, Any] = {"path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.sha}
        if entry.size is not None:
            item["size"] = entry.size
        if entry.kind != "commit":
            item["url"] = f"{url}/{entry.kind}s/{entry.sha}"
        shown.append(item)
    return {"sha": sha, "url": f"{url}/trees/{sha}", "tree": shown, "truncated": False}


def ref(github: GitHub, repository: Row, name: str, sha: str, kind: str) -> dict[str, Any]:
    """Return the schema git-ref.

    Args:
        name: the full ref, such as `refs/heads/main`.
        sha, kind: SHA and type (`commit` or `tag`) of the object that the ref points at.
    """
    url = f"{repository_url(github, repository)}/git"
    return {
        "ref": name,
        "node_id": node_id("REF", f"{repository['id']}:{name}"),
        "url": f"{url}/{quote(name)}",
        "object": {"sha": sha, "type": kind, "url": f"{url}/{kind}s/{sha}"},
    }
