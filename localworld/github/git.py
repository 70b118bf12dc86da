"""Git plumbing commands on a bare repository: refs, objects, commits. There is no working tree.

Names from requests are passed to git only behind `--` or `--end-of-options`, within `refs/…`, or on stdin,
so that git does not parse them as options.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from localworld.github.git_names import valid_ref

ZERO = "0" * 40
SHA = re.compile(r"[0-9a-f]{40}")
_SHORT_SHA = re.compile(r"[0-9a-f]{7,40}")
_COMMIT = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"
_SETTINGS = {
    "uploadpack.allowAnySHA1InWant": "true",  # actions/checkout fetches by commit
    "http.receivepack": "true",
    "receive.hideRefs": "refs/pull",  # only this server writes them
    "receive.fsckObjects": "true",
    "core.hooksPath": os.devnull,
    "core.fsync": "none",  # writes survive a crash of this process, but not of the machine
    "gc.auto": "0",  # keep commits that a pull request pointed at before
}


class GitError(Exception):
    """A git command failed; the message is what git wrote to stderr."""


@dataclass(frozen=True)
class Signature:
    """The author, committer or tagger of an object, with the date in ISO 8601."""

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
    """One entry of a tree; `size` is in bytes, and None unless the entry is a blob."""

    mode: str
    kind: str
    sha: str
    size: int | None
    path: str


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of git commands: no user or system configuration, no prompts."""
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
    """A bare repository.

    What git answered about an object, which never changes, is remembered: a git process takes milliseconds,
    and the same questions are asked at each event.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._remembered = lru_cache(maxsize=1000)(self.text)

    def run(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """Run a git command on the repository and return its stdout.

        Args:
            env: additional environment variables.

        Raises:
            GitError: the command failed.
        """
        if any("\0" in argument for argument in arguments):
            raise GitError("names must not contain a NUL character")
        command = ["git", f"--git-dir={self.path}", *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, env=environment(env))
        if done.returncode:
            raise GitError(done.stderr.decode(errors="replace").strip() or f"git {arguments[0]} failed")
        return done.stdout

    def text(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """Run a git command and return its stdout as text, without line breaks at the end."""
        return self.run(*arguments, stdin=stdin, env=env).decode(errors="replace").rstrip("\n")

    def create(self, default_branch: str) -> None:
        """Create the repository, empty."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.run(
            "init", "--quiet", "--bare", "--template=", f"--initial-branch={default_branch}", str(self.path)
        )
        self.configure()

    def create_copy(self, source: Path) -> None:
        """Create the repository with the branches and tags of another one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.run("clone", "--quiet", "--bare", "--no-tags", "--template=", "--", str(source), str(self.path))
        self.run("fetch", "--quiet", "--", str(source), "+refs/tags/*:refs/tags/*")
        self.run("remote", "remove", "origin")
        self.configure()

    def configure(self) -> None:
        """Set the git configuration that serving over HTTP needs."""
        with (self.path / "config").open("a", encoding="utf-8") as config:
            for key, value in _SETTINGS.items():
                section, name = key.split(".")
                config.write(f"[{section}]\n\t{name} = {value}\n")

    # Refs

    def refs(self, *prefixes: str) -> dict[str, str]:
        """Return the SHAs of refs by name, sorted; prefixes select refs, such as `refs/heads/`."""
        lines = self.text("for-each-ref", "--format=%(objectname) %(refname)", "--", *prefixes).splitlines()
        return {name: sha for sha, _, name in (line.partition(" ") for line in lines)}

    def ref(self, name: str) -> str | None:
        """Return the SHA that a full ref points at, or None."""
        if not valid_ref(name):
            return None
        return self._loose(name) or self._try("rev-parse", "--quiet", "--verify", "--end-of-options", name)

    def branch(self, name: str) -> str | None:
        """Return the SHA of a branch's tip, or None."""
        return self.ref(f"refs/heads/{name}")

    def set_ref(self, name: str, sha: str, old: str | None = None) -> None:
        """Create or update a ref.

        Args:
            old: the SHA that the ref must point at now; ZERO if it must not exist; None for no condition.

        Raises:
            GitError: the ref does not point at `old`, or the object does not exist.
        """
        self.run("update-ref", name, sha, *([old] if old is not None else []))

    def delete_ref(self, name: str) -> None:
        """Delete a ref; do nothing if it does not exist."""
        self.run("update-ref", "-d", name)

    def resolve(self, name: str) -> str | None:
        """Return the commit that a branch, tag, full ref or (short) SHA names, or None."""
        candidates = [f"refs/heads/{name}", f"refs/tags/{name}"]
        if name.startswith(("refs/", "heads/", "tags/", "pull/")):
            candidates.append(name if name.startswith("refs/") else f"refs/{name}")
        names = [candidate for candidate in candidates if valid_ref(candidate)]
        if _SHORT_SHA.fullmatch(name):
            names = [name, *names] if SHA.fullmatch(name) else [*names, name]
        for candidate in names:
            if commit := self._peeled(candidate, "commit"):
                return commit
        return None

    # Objects

    def kind(self, sha: str) -> str | None:
        """Return an object's type, blob, tree, commit or tag; None if there is no such object."""
        return self._try("cat-file", "-t", sha) if SHA.fullmatch(sha) else None

    def blob(self, sha: str) -> bytes:
        """Return the content of a blob."""
        return self.run("cat-file", "blob", sha)

    def tree_of(self, sha: str) -> str | None:
        """Return the SHA of the tree of a commit or tree, or None."""
        return self._peeled(sha, "tree")

    def entries(self, treeish: str, *, path: str = "", recursive: bool = False) -> list[TreeEntry]:
        """Return the entries of a tree.

        Args:
            path: return only the entry at this path or, if it ends in `/`, the entries of this folder.
            recursive: whether to include the entries of subfolders.
        """
        options = ["-r", "-t"] if recursive else []
        ask = self._remembered if SHA.fullmatch(treeish) else self.text
        output = ask("ls-tree", "-z", "-l", *options, treeish, *(["--", path] if path else []))
        return [_entry(record) for record in output.split("\0") if record]

    def entry(self, treeish: str, path: str) -> TreeEntry | None:
        """Return the entry at a path, or None."""
        found = [entry for entry in self.entries(treeish, path=path) if entry.path == path]
        return found[0] if found else None

    def write_blob(self, content: bytes) -> str:
        """Write a blob and return its SHA."""
        return self.text("hash-object", "-w", "-t", "blob", "--stdin", stdin=content)

    def write_tree(self, base: str | None, changes: Mapping[str, tuple[str, str] | None]) -> str:
        """Write a tree with changes to another one.

        Args:
            base: the tree to start from; None for an empty one.
            changes: mapping from path to (mode, SHA), or to None for a path to delete.

        Returns:
            SHA of the new tree.

        Raises:
            GitError: git rejects a path or mode, or an object does not exist.
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
        """Write a commit and return its SHA; the committer is the author unless given."""
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
        """Return the commits that `git log` lists for revisions, newest first.

        Args:
            paths: only commits that change these paths; all if empty.
            options: more options of `git log`, such as `--reverse`.
        """
        ask = self._remembered if all(map(SHA.fullmatch, revisions)) else self.text
        output = ask(
            "log", "-z", f"--format={_COMMIT}", *options, "--end-of-options", *revisions, "--", *paths
        )
        fields = output.split("\0")
        width = _COMMIT.count("%x00") + 1
        return [_commit(fields[i : i + width]) for i in range(0, len(fields) - 1, width)]

    def commit(self, sha: str) -> Commit:
        """Return a commit.

        Raises:
            GitError: the commit does not exist.
        """
        return self.commits(sha, options=("-1",))[0]

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the SHA of the best common ancestor of two commits, or None."""
        return self._try("merge-base", one, other)

    def is_ancestor(self, one: str, other: str) -> bool:
        """Return whether `one` is in the history of `other`."""
        return self._try("merge-base", "--is-ancestor", one, other) is not None

    def count(self, range_: str) -> int:
        """Return the number of commits in a range `a..b`."""
        return int(self.text("rev-list", "--count", "--end-of-options", range_))

    def fetch(self, source: Path, sha: str, ref: str | None = None) -> None:
        """Fetch a commit with its history from another local repository, into `ref` if given."""
        self.run(
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--",
            str(source),
            f"+{sha}:{ref}" if ref else sha,
        )

    def _peeled(self, name: str, kind: str) -> str | None:
        """Return the SHA of the commit or tree that a name or SHA stands for, or None."""
        return self._try("rev-parse", "--quiet", "--verify", "--end-of-options", f"{name}^{{{kind}}}")

    def _loose(self, name: str) -> str | None:
        """Return what the file of a ref says; None if the ref has no file of its own, or none with a SHA."""
        try:
            sha = (self.path / name).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None
        return sha if SHA.fullmatch(sha) else None

    def _try(self, *arguments: str) -> str | None:
        objects = (one for one in arguments[1:] if not one.startswith("-"))
        ask = self._remembered if all(map(SHA.match, objects)) else self.text
        try:
            return ask(*arguments)
        except GitError:
            return None


def _entry(record: str) -> TreeEntry:
    head, _, path = record.partition("\t")
    mode, kind, sha, size = head.split()
    return TreeEntry(mode, kind, sha, int(size) if size.isdigit() else None, path)


def _commit(fields: list[str]) -> Commit:
    sha, tree, parents, *who, message = fields
    return Commit(
        sha, tree, tuple(parents.split()), Signature(*who[:3]), Signature(*who[3:]), message.rstrip("\n")
    )
