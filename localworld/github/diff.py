"""Diffs between two trees, by file, as GitHub lists them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from localworld.github.git import Git

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
PATCH_LIMIT = 1_000_000  # characters; GitHub omits the patch of a very large change, too
_STATUS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed"}
_OPTIONS = ("-r", "-M", "--no-ext-diff", "--no-textconv", "--no-abbrev")
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True)
class FileChange:
    """A changed file.

    Attributes:
        previous: the path before a rename or copy, else None.
        status: added, removed, modified, renamed, copied or changed.
        sha: SHA of the new blob; of the old one if the file was removed.
        patch: the hunks; None for binary or very large changes.
    """

    path: str
    previous: str | None
    status: str
    sha: str
    additions: int
    deletions: int
    patch: str | None


@dataclass(frozen=True)
class Stats:
    """The numbers of changed files, added lines and deleted lines."""

    files: int
    additions: int
    deletions: int


def changes(git: Git, base: str | None, head: str) -> list[FileChange]:
    """Return the files that differ between two commits; a base of None is the empty tree."""
    trees = (base or EMPTY_TREE, head)
    output = git.text("diff-tree", *_OPTIONS, "--raw", "--numstat", "-z", *trees)
    patches = iter(_sections(git.text("diff-tree", *_OPTIONS, "-p", *trees)))
    fields = iter(output.split("\0"))
    raw: list[tuple[str, str, str | None, str]] = []
    counts: dict[str, tuple[int, int]] = {}
    for field in fields:
        if field.startswith(":"):
            _, _, old, new, status = field.split()
            first = next(fields)
            path, previous = (next(fields), first) if status[0] in "RC" else (first, None)
            raw.append((status[0], path, previous, old if status[0] == "D" else new))
        elif field:
            added, deleted, path = field.split("\t", 2)
            if not path:
                next(fields)
                path = next(fields)
            counts[path] = (_number(added), _number(deleted))
    found = []
    for status, path, previous, sha in raw:
        patch = _hunks(next(patches, ""))
        if status == "T":  # git shows a changed type as a removal and an addition
            next(patches, "")
        added_lines, deleted_lines = counts.get(path, (0, 0))
        found.append(FileChange(path, previous, _STATUS[status], sha, added_lines, deleted_lines, patch))
    return found


def stats(git: Git, base: str | None, head: str) -> Stats:
    """Count the changes between two commits; a base of None is the empty tree."""
    output = git.text("diff-tree", *_OPTIONS, "--numstat", base or EMPTY_TREE, head)
    lines = [line.split("\t", 2) for line in output.splitlines()]
    return Stats(len(lines), sum(_number(a) for a, _, _ in lines), sum(_number(d) for _, d, _ in lines))


def as_text(git: Git, base: str, head: str) -> bytes:
    """Return the changes between two commits as one diff."""
    return git.run("diff-tree", *_OPTIONS, "-p", base, head)


def as_patch(git: Git, base: str, head: str) -> bytes:
    """Return the commits between `base` and `head` as patches in mailbox format."""
    return git.run("format-patch", "--stdout", "--no-signature", "--no-ext-diff", f"{base}..{head}")


def hunk_at(patch: str, line: int, side: str) -> tuple[int, str] | None:
    """Find a line in a patch.

    Args:
        line: line number, from 1.
        side: `RIGHT` for line numbers of the new file, `LEFT` for those of the old file.

    Returns:
        The position of the line, as GitHub counts it, and the hunk up to it; None if the patch does not show
        the line.
    """
    for position, sides, hunk in _walk(patch):
        if sides.get(side) == line:
            return position, "\n".join(hunk)
    return None


def line_at(patch: str, position: int) -> tuple[str, int] | None:
    """Return the side and line number at a position in a patch, or None."""
    for here, sides, _ in _walk(patch):
        if here == position and sides:
            side = "RIGHT" if "RIGHT" in sides else "LEFT"
            return side, sides[side]
    return None


def _walk(patch: str) -> Iterator[tuple[int, dict[str, int], list[str]]]:
    """Yield the position of each line of a patch, its line numbers by side, and its hunk up to the line."""
    old = new = 0
    hunk: list[str] = []
    for position, text in enumerate(patch.split("\n")):
        if match := _HUNK.match(text):
            old, new, hunk = int(match[1]), int(match[2]), [text]
            continue
        hunk.append(text)
        kind = text[:1] or " "
        sides = {"LEFT": old} if kind in " -" else {}
        sides |= {"RIGHT": new} if kind in " +" else {}
        yield position, sides, hunk
        old, new = old + (kind in " -"), new + (kind in " +")


def _sections(text: str) -> list[str]:
    """Split a patch into one part per file; lines of content never begin with `diff --git`."""
    return re.split(r"(?m)^diff --git ", text)[1:]


def _hunks(section: str) -> str | None:
    start = section.find("\n@@ ")
    patch = section[start + 1 :].rstrip("\n") if start >= 0 else None
    return patch if patch is None or len(patch) <= PATCH_LIMIT else None


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
