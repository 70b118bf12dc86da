"""Comparison of commits: the leaves and files that are added, changed and deleted between two of them."""

import hashlib
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from bot.taxonomy.files import GitError, NoCommit, git, resolve
from bot.taxonomy.layout import DEFAULT, Layout

QNA = "qna.yaml"


@dataclass(frozen=True)
class Changes:
    """The differences between the leaves of two commits, by path; a moved leaf is deleted and added.

    Attributes:
        same: the number of unchanged leaves.
    """

    added: frozenset[str]
    changed: frozenset[str]
    deleted: frozenset[str]
    same: int = 0


def changed_leaves(repo: Path, base: str, head: str, layout: Layout = DEFAULT) -> Changes:
    """Return the leaves that `head` adds, changes and deletes since its merge base with `base`.

    A change to any file in a leaf's folder is a change to that leaf.

    Raises:
        UserError: one of the commits does not exist.
    """
    head = resolve(repo, head)
    base = merge_base(repo, resolve(repo, base), head)
    options = ("--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff")
    listed = git(repo, "diff", *options, base, head, "--", *layout.folders).split(b"\0")[:-1]
    below = len(layout.prefix)
    new = _leaf_names(repo, head, layout)
    old = set(new)
    names = []
    for facts, name in zip(listed[::2], listed[1::2], strict=True):
        path = os.fsdecode(name)[below:]
        names.append(path)
        leaf, slash, file = path.rpartition("/")
        if slash and file == QNA:
            was_file = facts.startswith(b":100")
            (old.add if was_file else old.discard)(leaf)
    touched = {leaf for name in names for leaf in _owners(name, old | new)}
    changed = touched & old & new
    return Changes(
        frozenset(new - old), frozenset(changed), frozenset(old - new), len(old & new) - len(changed)
    )


def _leaf_names(repo: Path, commit: str, layout: Layout) -> set[str]:
    """Return the paths of a commit's leaves. It lists names without sizes, so Git opens no file contents."""
    listed = git(repo, "ls-tree", "-r", "-z", "--full-tree", "--end-of-options", commit, *layout.folders)
    below = len(layout.prefix)
    end = f"/{QNA}".encode()
    files = (record for record in listed.split(b"\0") if record.endswith(end) and record.startswith(b"100"))
    paths = (os.fsdecode(record.partition(b"\t")[2])[below:] for record in files)
    return {path.rpartition("/")[0] for path in paths if "/" in path}


def tree_id(repo: Path, commit: str, layout: Layout = DEFAULT) -> str:
    """Return the Git tree hash of the taxonomy's folder in a commit; "" if there is no such folder.

    If the taxonomy's top folders are in the repository's root, it is a hash of theirs.

    Raises:
        UserError: there is no such commit.
    """
    named = ("--end-of-options", resolve(repo, commit), *layout.folders)
    listed = git(repo, "ls-tree", "-z", "--full-tree", *named)
    if not layout.folder:
        return hashlib.sha256(listed).hexdigest() if listed else ""
    facts = listed.partition(b"\t")[0].split()
    return facts[2].decode() if len(facts) == 3 and facts[1] == b"tree" else ""


def deleted_leaves(repo: Path, since: str, until: str, layout: Layout = DEFAULT) -> set[str]:
    """Return the leaves that commits in `since..until` deleted, by the first-parent history.

    Args:
        since: a commit; if it is not in the repository, the whole history of `until` is searched.

    Raises:
        GitError: Git fails.
    """
    try:
        span = f"{resolve(repo, since)}..{until}"
    except NoCommit:
        span = until
    log = ("log", "--first-parent", "--diff-merges=first-parent", "--diff-filter=D", "--no-renames")
    listed = git(
        repo, *log, "--format=", "--name-only", "-z", "--end-of-options", span, "--", *layout.folders
    )
    names = (os.fsdecode(name).strip("\n") for name in listed.split(b"\0"))
    deleted = (name.removeprefix(layout.prefix) for name in names)
    return {name.rpartition("/")[0] for name in deleted if name.endswith(f"/{QNA}")}


def changed_files(repo: Path, base: str, head: str) -> list[tuple[str, str]]:
    """Return the files that `head` changes since its merge base with `base`, as (old path, new path).

    The old path of an added file and the new path of a deleted file are ""; both differ if a file was moved.

    Raises:
        UserError: one of the commits does not exist.
    """
    head = resolve(repo, head)
    base = merge_base(repo, resolve(repo, base), head)
    listed = git(repo, "diff", "--name-status", "--find-renames", "--no-ext-diff", "-z", base, head)
    parts = iter(part.decode(errors="surrogateescape") for part in listed.split(b"\0")[:-1])
    changed = []
    for status in parts:
        path = next(parts)
        if status[0] in "RC":
            changed.append((path if status[0] == "R" else "", next(parts)))
        else:
            changed.append(("" if status == "A" else path, "" if status == "D" else path))
    return changed


def merge_base(repo: Path, base: str, head: str) -> str:
    """Return the merge base of two commits; `base` itself if they have no common history."""
    try:
        return git(repo, "merge-base", base, head).decode().split()[0]
    except GitError as error:
        if not error.is_no:
            raise
        # No common history, or a shallow clone.
        return base


def _owners(name: str, leaves: Collection[str]) -> list[str]:
    """Return the leaves that a file belongs to: all folders above it that are leaves."""
    parts = name.split("/")[:-1]
    folders = ["/".join(parts[: i + 1]) for i in range(len(parts))]
    return [folder for folder in folders if folder in leaves]
