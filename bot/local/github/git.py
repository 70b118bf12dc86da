"""git's plumbing on a bare repository: refs, objects, commits. Nothing is ever checked out.

Names that come from outside reach git only behind `--`, `--end-of-options`, in `refs/…` or on stdin.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ZERO = "0" * 40
SHA = re.compile(r"[0-9a-f]{40}")
_SHORT_SHA = re.compile(r"[0-9a-f]{7,40}")
_COMMIT = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"
_SETTINGS = {
    "uploadpack.allowAnySHA1InWant": "true",  # actions/checkout fetches by commit
    "http.receivepack": "true",
    "receive.hideRefs": "refs/pull",  # written by this server alone
    "receive.fsckObjects": "true",
    "core.hooksPath": os.devnull,
    "core.fsync": "none",  # what was written survives the end of this process, if not that of the machine
    "gc.auto": "0",  # what a pull request once pointed at stays there
}


class GitError(Exception):
    """git said no; the message is what it wrote."""


@dataclass(frozen=True)
class Signature:
    """Who made a commit, and when: date as ISO 8601."""

    name: str
    email: str
    date: str


@dataclass(frozen=True)
class Commit:
    """A commit object."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str


@dataclass(frozen=True)
class TreeEntry:
    """One line of a tree; `size` is None for what is no blob."""

    mode: str
    kind: str
    sha: str
    size: int | None
    path: str


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """git's environment: nobody's configuration, nobody's repository, no prompts."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
        **(extra or {}),
    }


class Git:
    """A bare repository."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """git's output.

        Raises:
            GitError: git ended with an error.
        """
        if any("\0" in argument for argument in arguments):
            raise GitError("a name with a NUL in it")
        command = ["git", f"--git-dir={self.path}", *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, env=environment(env))
        if done.returncode:
            raise GitError(done.stderr.decode(errors="replace").strip() or f"git {arguments[0]} failed")
        return done.stdout

    def text(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """git's output as text without the line break at its end."""
        return self.run(*arguments, stdin=stdin, env=env).decode(errors="replace").rstrip("\n")

    def create(self, default_branch: str) -> None:
        """Make the repository, empty."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.run(
            "init", "--quiet", "--bare", "--template=", f"--initial-branch={default_branch}", str(self.path)
        )
        self.configure()

    def create_copy(self, source: Path) -> None:
        """Make the repository with the branches and tags of another one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.run("clone", "--quiet", "--bare", "--no-tags", "--template=", "--", str(source), str(self.path))
        self.run("fetch", "--quiet", "--", str(source), "+refs/tags/*:refs/tags/*")
        self.run("remote", "remove", "origin")
        self.configure()

    def configure(self) -> None:
        """The settings that serving over HTTP needs."""
        for key, value in _SETTINGS.items():
            self.run("config", key, value)

    # Refs

    def refs(self, *prefixes: str) -> dict[str, str]:
        """Ref name -> SHA of what it points at, sorted; prefixes such as `refs/heads/`."""
        lines = self.text("for-each-ref", "--format=%(objectname) %(refname)", "--", *prefixes).splitlines()
        return {name: sha for sha, _, name in (line.partition(" ") for line in lines)}

    def ref(self, name: str) -> str | None:
        """What a full ref points at, or None."""
        if not valid_ref(name):
            return None
        return self._try("rev-parse", "--quiet", "--verify", "--end-of-options", name)

    def branch(self, name: str) -> str | None:
        """The tip of a branch, or None."""
        return self.ref(f"refs/heads/{name}")

    def set_ref(self, name: str, sha: str, old: str | None = None) -> None:
        """Move or make a ref; with `old`, only if it points there now (ZERO: only if it is not there).

        Raises:
            GitError: the ref was elsewhere, or the object is not there.
        """
        self.run("update-ref", name, sha, *([old] if old is not None else []))

    def delete_ref(self, name: str) -> None:
        """Remove a ref; it may be gone already."""
        self.run("update-ref", "-d", name)

    def resolve(self, name: str) -> str | None:
        """The commit that a branch, tag, full ref or (short) SHA names, or None."""
        candidates = [f"refs/heads/{name}", f"refs/tags/{name}"]
        if name.startswith(("refs/", "heads/", "tags/", "pull/")):
            candidates.append(name if name.startswith("refs/") else f"refs/{name}")
        names = [candidate for candidate in candidates if valid_ref(candidate)]
        if _SHORT_SHA.fullmatch(name):
            names = [name, *names] if SHA.fullmatch(name) else [*names, name]
        for candidate in names:
            commit = self._try(
                "rev-parse", "--quiet", "--verify", "--end-of-options", candidate + "^{commit}"
            )
            if commit:
                return commit
        return None

    # Objects

    def kind(self, sha: str) -> str | None:
        """blob, tree, commit or tag; None if there is no such object."""
        return self._try("cat-file", "-t", sha) if SHA.fullmatch(sha) else None

    def blob(self, sha: str) -> bytes:
        """The content of a blob."""
        return self.run("cat-file", "blob", sha)

    def tree_of(self, sha: str) -> str | None:
        """The tree of a commit or tree, or None."""
        return self._try("rev-parse", "--quiet", "--verify", "--end-of-options", sha + "^{tree}")

    def entries(self, treeish: str, *, path: str = "", recursive: bool = False) -> list[TreeEntry]:
        """The entries of a tree; with `path` only that one (or, ending in `/`, what is in that folder)."""
        options = ["-r", "-t"] if recursive else []
        output = self.text("ls-tree", "-z", "-l", *options, treeish, *(["--", path] if path else []))
        return [_entry(record) for record in output.split("\0") if record]

    def entry(self, treeish: str, path: str) -> TreeEntry | None:
        """What lies at a path, or None."""
        found = [entry for entry in self.entries(treeish, path=path) if entry.path == path]
        return found[0] if found else None

    def write_blob(self, content: bytes) -> str:
        """Store a blob; returns its SHA."""
        return self.text("hash-object", "-w", "-t", "blob", "--stdin", stdin=content)

    def write_tree(self, base: str | None, changes: Mapping[str, tuple[str, str] | None]) -> str:
        """A tree that differs from `base`.

        Args:
            base: a tree to start from; None for an empty one.
            changes: path -> (mode, SHA), or None where the path goes.

        Raises:
            GitError: a path or mode that git does not take, or an object that is not there.
        """
        index = {"GIT_INDEX_FILE": str(self.path / f"index.{os.getpid()}.{id(changes)}")}
        try:
            self.run(*(["read-tree", base] if base else ["read-tree", "--empty"]), env=index)
            lines = [
                f"{change[0]} {change[1]}\t{path}\0" if change else f"0 {ZERO}\t{path}\0"
                for path, change in changes.items()
            ]
            self.run("update-index", "-z", "--index-info", stdin="".join(lines).encode(), env=index)
            return self.text("write-tree", env=index)
        finally:
            Path(index["GIT_INDEX_FILE"]).unlink(missing_ok=True)

    def write_commit(
        self,
        tree: str,
        parents: list[str] | tuple[str, ...],
        message: str,
        author: Signature,
        committer: Signature | None = None,
    ) -> str:
        """Store a commit; returns its SHA."""
        made = committer or author
        who = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_AUTHOR_DATE": author.date,
            "GIT_COMMITTER_NAME": made.name,
            "GIT_COMMITTER_EMAIL": made.email,
            "GIT_COMMITTER_DATE": made.date,
        }
        options = [option for parent in parents for option in ("-p", parent)]
        return self.text("commit-tree", tree, *options, stdin=message.encode(), env=who)

    # History

    def commits(
        self, *revisions: str, paths: tuple[str, ...] = (), options: tuple[str, ...] = ()
    ) -> list[Commit]:
        """The commits that `git log` lists for revisions, newest first."""
        output = self.text(
            "log", "-z", f"--format={_COMMIT}", *options, "--end-of-options", *revisions, "--", *paths
        )
        fields = output.split("\0")
        width = _COMMIT.count("%x00") + 1
        return [_commit(fields[i : i + width]) for i in range(0, len(fields) - 1, width)]

    def commit(self, sha: str) -> Commit:
        """One commit.

        Raises:
            GitError: it is not there.
        """
        return self.commits(sha, options=("-1",))[0]

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor, or None."""
        return self._try("merge-base", one, other)

    def is_ancestor(self, one: str, other: str) -> bool:
        """Whether `one` is in the history of `other`."""
        return self._try("merge-base", "--is-ancestor", one, other) is not None

    def count(self, range_: str) -> int:
        """How many commits `a..b` has."""
        return int(self.text("rev-list", "--count", "--end-of-options", range_))

    def fetch(self, source: Path, sha: str, ref: str | None = None) -> None:
        """Take a commit with its history from another repository on this disk, into a ref if one is named."""
        self.run(
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--",
            str(source),
            f"+{sha}:{ref}" if ref else sha,
        )

    def _try(self, *arguments: str) -> str | None:
        try:
            return self.text(*arguments)
        except GitError:
            return None


def valid_ref(name: str) -> bool:
    """Whether git would take this as a full ref's name (`git check-ref-format`, without a process)."""
    parts = name.split("/")
    return (
        len(parts) >= 2
        and not re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{", name)
        and not name.endswith(".")
        and all(part and not part.startswith(".") and not part.endswith(".lock") for part in parts)
    )


def valid_path(path: str) -> bool:
    """Whether this names something inside a tree."""
    return "\0" not in path and all(part not in {"", ".", "..", ".git"} for part in path.split("/"))


def _entry(record: str) -> TreeEntry:
    head, _, path = record.partition("\t")
    mode, kind, sha, size = head.split()
    return TreeEntry(mode, kind, sha, int(size) if size.isdigit() else None, path)


def _commit(fields: list[str]) -> Commit:
    sha, tree, parents, *who, message = fields
    return Commit(
        sha, tree, tuple(parents.split()), Signature(*who[:3]), Signature(*who[3:]), message.rstrip("\n")
    )
