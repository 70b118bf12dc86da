"""The commit of the main branch that last changed each leaf, and its pull request."""

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bot.taxonomy.files import git, resolve
from bot.taxonomy.layout import DEFAULT, Layout

_PULL = re.compile(r"Merge pull request #(\d{1,9}) |.*\(#(\d{1,9})\)$", re.ASCII)
"""The subjects that GitHub gives to merges and to squashed commits."""


@dataclass(frozen=True)
class LeafCommit:
    """A commit of the main branch.

    Attributes:
        pull: the number of the pull request that its subject names; 0 if it names none.
    """

    commit: str
    pull: int = 0


def leaf_commits(
    repo: Path, commit: str, leaves: Collection[str], layout: Layout = DEFAULT
) -> dict[str, LeafCommit]:
    """Return leaf -> the newest commit that changed it, among a commit and its first ancestors.

    A merge counts as one commit with all that it merged. A shallow clone lacks the history, so it has none.

    Raises:
        UserError: the commit is not in the repository.
    """
    head = resolve(repo, commit)
    if git(repo, "rev-parse", "--is-shallow-repository").strip() == b"true":
        return {}
    log = ("log", "--first-parent", "-m", "--no-renames", "--name-only", "-z", "--format=%x00%H%x00%s%x00")
    fields = iter(git(repo, *log, head, "--", *layout.folders).split(b"\0"))
    found: dict[str, LeafCommit] = {}
    made, wanted = LeafCommit(""), set(leaves)
    for field in fields:
        if not field:  # the next commit begins; no file has an empty name
            made = LeafCommit(next(fields, b"").decode(), _pull(next(fields, b"")))
            next(fields, b"")
            continue
        path = os.fsdecode(field).lstrip("\n")[len(layout.prefix) :]
        for folder in map(str, PurePosixPath(path).parents):
            if folder in wanted:
                found.setdefault(folder, made)
    return found


def _pull(subject: bytes) -> int:
    named = _PULL.match(subject.decode(errors="replace"))
    return int(named[1] or named[2]) if named else 0
