"""Files of a taxonomy behind one small interface: a folder on disk, or a commit read by git plumbing.

Whoever reads a pull request with privileges reads it as data, out of git's objects, without a checkout.
Nothing is followed: a symbolic link, a submodule, a FIFO is an entry that cannot be read.
"""

import os
import re
import stat
import subprocess
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from bot.errors import UserError

EntryKind = Literal["file", "symlink", "submodule", "other"]
GIT_TIMEOUT_S = 60
MAX_ENTRIES = 500_000
MAX_PATHS = 500
"""Folders that git is asked for by name."""
_SURROGATE = re.compile("[\ud800-\udfff]")


class Unreadable(Exception):
    """A file that cannot be read: its message goes on after the path, for instance "is a symbolic link"."""


class GitError(UserError):
    """A git command failed. It never means that there is nothing to read.

    Args:
        is_no: git exited with 1 and printed nothing, which is how its queries say no.
    """

    def __init__(self, message: str, *, is_no: bool = False) -> None:
        super().__init__(message)
        self.is_no = is_no


class NoCommit(UserError):
    """A repository does not hold a commit."""


@dataclass(frozen=True)
class Entry:
    """A file by its path below the taxonomy's root, with slashes; size in bytes."""

    path: str
    kind: EntryKind
    size: int


class Files(ABC):
    """What the loader and the lint need of a place with files.

    Attributes:
        prefix: what stands before a path when it is shown, for instance `taxonomy/`.
    """

    prefix: str

    @cached_property
    @abstractmethod
    def entries(self) -> Mapping[str, Entry]:
        """Every file by path; folders are only in the paths of their files."""

    @abstractmethod
    def read(self, path: str, limit: int) -> bytes:
        """A file's content.

        Raises:
            Unreadable: it is not a regular file, larger than `limit` bytes, or may not be read.
        """

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.entries)

    def below(self, folder: str) -> list[str]:
        """The files below a folder, by their paths in it; "" is all of it."""
        if not folder:
            return self._sorted
        # "0" is the character after "/".
        first, last = (bisect_left(self._sorted, f"{folder}{mark}") for mark in "/0")
        return [path[len(folder) + 1 :] for path in self._sorted[first:last]]


_NO_FILE = {"symlink": "is a symbolic link", "submodule": "is a submodule", "other": "is not a regular file"}


def _check(entry: Entry | None, limit: int) -> Entry:
    if entry is None:
        raise Unreadable("is not there")
    if entry.kind != "file":
        raise Unreadable(_NO_FILE[entry.kind])
    if entry.size > limit:
        raise Unreadable(f"is larger than {limit // 1_000_000} MB")
    return entry


class DiskFiles(Files):
    """A folder on disk.

    Args:
        prefix: see Files; the folder's own name if left out.
        tops: names in the folder that are looked at; all if left out.

    Raises:
        UserError: there is no such folder; or it is a symbolic link, which in a pull request's checkout
            may lead anywhere.
    """

    def __init__(self, root: Path, prefix: str | None = None, tops: Collection[str] = ()) -> None:
        if root.is_symlink():
            raise UserError(f"{root}: this is a symbolic link; name the taxonomy's folder itself")
        if not root.is_dir():
            raise UserError(f"{root}: there is no such folder; name the taxonomy's folder")
        self.root, self.tops = root, tops
        self.prefix = f"{root.resolve().name}/" if prefix is None else prefix

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        return dict(sorted((entry.path, entry) for entry in self._walk()))

    def _walk(self) -> Iterator[Entry]:
        folders = [(str(self.root), "")]
        while folders:
            folder, name = folders.pop()
            try:
                found = list(os.scandir(folder))
            except PermissionError:
                raise UserError(f"{folder}: this folder may not be read") from None
            for item in found:
                if self.tops and not name and item.name not in self.tops:
                    continue
                path = f"{name}{item.name}"
                if item.is_dir(follow_symlinks=False):
                    if item.name != ".git":
                        folders.append((item.path, f"{path}/"))
                    continue
                status = item.stat(follow_symlinks=False)
                yield Entry(path, _kind(status.st_mode), status.st_size)

    def read(self, path: str, limit: int) -> bytes:
        _check(self.entries.get(path), limit)
        # O_NONBLOCK and O_NOFOLLOW: what was a file a moment ago may be a FIFO or a link by now.
        try:
            descriptor = os.open(self.root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise Unreadable(f"cannot be read ({error.strerror})") from None
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Unreadable(_NO_FILE["other"])
            content = file.read(limit + 1)
        if len(content) > limit:
            raise Unreadable(f"is larger than {limit // 1_000_000} MB")
        return content


def _kind(mode: int) -> EntryKind:
    if stat.S_ISREG(mode):
        return "file"
    return "symlink" if stat.S_ISLNK(mode) else "other"


def git(repo: Path, *arguments: str) -> bytes:
    """Output of a git command that reads objects; no hooks, no replaced objects, no fetching on demand.

    Raises:
        GitError: git fails, or does not answer in a minute.
    """
    try:
        done = subprocess.run(
            _command(repo, *arguments), capture_output=True, timeout=GIT_TIMEOUT_S, env=_environment()
        )
    except subprocess.TimeoutExpired:
        raise GitError(f"{repo}: git {arguments[0]} did not answer in {GIT_TIMEOUT_S} s") from None
    except OSError as error:
        raise GitError(f"{repo}: git cannot be started: {error.strerror}") from None
    if done.returncode:
        reason = " ".join(done.stderr.decode(errors="replace").split())[:300]
        is_no = done.returncode == 1 and not reason
        reason = reason or f"exit status {done.returncode}"
        raise GitError(f"{repo}: git {arguments[0]}: {reason}", is_no=is_no)
    return done.stdout


def _command(repo: Path, *arguments: str) -> list[str]:
    safe = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
    return ["git", "--no-replace-objects", "-C", str(repo), *safe, *arguments]


def _environment() -> dict[str, str]:
    return {**os.environ, "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"} | {
        # A file may be called like git's patterns.
        "GIT_LITERAL_PATHSPECS": "1"
    }


def resolve(repo: Path, revision: str) -> str:
    """The full commit SHA that a name, a tag or a short SHA stands for.

    Raises:
        GitError: git fails.
        NoCommit: there is no such commit in this repository.
    """
    try:
        found = git(repo, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except GitError as error:
        if not error.is_no:
            raise
        raise NoCommit(f"{repo}: there is no commit {revision!r} in this repository") from None
    return found.decode().strip()


class GitFiles(Files):
    """A folder of a commit, read from git's objects. Use it in a `with`: it keeps one git process.

    Args:
        commit: a full SHA (see `resolve`).
        folder: the folder in the repository; "" for all of it.
        only: folders below it, outside of which no file is listed; all are if there are none, or very many.
    """

    def __init__(self, repo: Path, commit: str, folder: str = "taxonomy", only: Collection[str] = ()) -> None:
        if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit):
            raise UserError(f"{commit!r} is not a full commit SHA")
        self.repo, self.commit, self.folder = repo, commit, folder
        self.only = sorted(only) if len(only) <= MAX_PATHS else []
        self.prefix = f"{folder}/" if folder else ""
        self._shas: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process:
            # communicate closes the pipes; cat-file ends at the end of its input.
            self._process.communicate()
            self._process = None

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        if self.folder and not self._has_folder():
            return {}  # a taxonomy without leaves
        tree = f"{self.commit}:{self.folder}" if self.folder else self.commit
        options = ("-r", "-z", "-l", "--full-tree", "--end-of-options")
        listed = git(self.repo, "ls-tree", *options, tree, *self.only)
        found = {}
        for record in listed.split(b"\0")[:-1]:
            facts, _, name = record.partition(b"\t")
            mode, kind, sha, size = facts.split()
            path = os.fsdecode(name)
            if not (size == b"-" or size.isdigit()):
                raise GitError(f"{self.repo}: git ls-tree: {shown(path)} at {self.commit[:7]} is not there")
            found[path] = Entry(path, _git_kind(mode, kind), 0 if size == b"-" else int(size))
            self._shas[path] = sha.decode()
        if len(found) > MAX_ENTRIES:
            raise UserError(
                f"{self.commit[:7]}: over {MAX_ENTRIES} files in {self.folder or 'the repository'}"
            )
        return found

    def _has_folder(self) -> bool:
        """Whether the folder is in the commit; that it is not is told by git's answer, not by its failure.

        Raises:
            UserError: something that is no folder has its name.
        """
        arguments = ("-z", "--full-tree", "--end-of-options", self.commit, self.folder)
        listed = git(self.repo, "ls-tree", *arguments)
        if listed and listed.split()[1] != b"tree":
            raise UserError(f"{self.folder} at {self.commit[:7]} is not a folder; put a folder in its place")
        return bool(listed)

    def read(self, path: str, limit: int) -> bytes:
        _check(self.entries.get(path), limit)
        if self._process is None:
            self._process = subprocess.Popen(
                _command(self.repo, "cat-file", "--batch"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=_environment(),
            )
        to, back = self._process.stdin, self._process.stdout
        assert to and back  # noqa: S101 -- both are pipes
        # A git that has ended reads nothing, and its answer is empty.
        with suppress(BrokenPipeError):
            to.write(f"{self._shas[path]}\n".encode())
            to.flush()
        answer = back.readline().split()
        if len(answer) != 3 or answer[1] != b"blob":
            raise GitError(f"{self.repo}: git cat-file: {shown(path)} at {self.commit[:7]} cannot be read")
        return back.read(int(answer[2]) + 1)[:-1]


def _git_kind(mode: bytes, kind: bytes) -> EntryKind:
    if kind == b"commit":
        return "submodule"
    return "symlink" if mode == b"120000" else "file"


def well_formed(text: str) -> str:
    """A text without halves of surrogate pairs, which bytes of a path that are no UTF-8 become."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def shown(path: str) -> str:
    """A path as it may be shown in one line: bytes that are no UTF-8 and control characters replaced."""
    text = well_formed(path)
    return "".join(char if char.isprintable() else "�" for char in text)
