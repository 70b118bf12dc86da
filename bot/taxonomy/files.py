"""A common interface to the files of a taxonomy, in a folder on disk or in a Git commit.

Privileged jobs read a pull request from Git objects, as data, without a checkout. Symbolic links, submodules
and FIFOs are never followed or opened: they are entries that cannot be read.
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

from bot.core.errors import UserError

EntryKind = Literal["file", "symlink", "submodule", "other"]
GIT_TIMEOUT_S = 60
MAX_ENTRIES = 500_000
MAX_PATHS = 500
"""Maximum number of folders that are passed to `git ls-tree` by name."""
_SURROGATE = re.compile("[\ud800-\udfff]")


class Unreadable(Exception):
    """A file that cannot be read. The message continues a sentence after the path: "is a symbolic link"."""


class GitError(UserError):
    """A failed Git command; not to be treated as an empty result.

    Args:
        is_no: Git exited with status 1 without output, which is the negative answer of its query commands.
    """

    def __init__(self, message: str, *, is_no: bool = False) -> None:
        super().__init__(message)
        self.is_no = is_no


class NoCommit(UserError):
    """A commit is not in the repository."""


@dataclass(frozen=True)
class Entry:
    """A file in the taxonomy.

    Attributes:
        path: the path below the taxonomy's root, with slashes.
        size: in bytes.
    """

    path: str
    kind: EntryKind
    size: int


class Files(ABC):
    """A read-only set of files.

    Attributes:
        prefix: the text to put before a path for display, for example `taxonomy/`.
    """

    prefix: str

    @cached_property
    @abstractmethod
    def entries(self) -> Mapping[str, Entry]:
        """All files by path; folders have no entries."""

    @abstractmethod
    def read(self, path: str, limit: int) -> bytes:
        """Return a file's content.

        Raises:
            Unreadable: the file is not a regular file, is larger than `limit` bytes, or cannot be read.
        """

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.entries)

    def below(self, folder: str) -> list[str]:
        """Return the files below a folder, as paths relative to it, sorted; "" is the root."""
        if not folder:
            return self._sorted
        # "0" is the character after "/".
        first, last = (bisect_left(self._sorted, f"{folder}{mark}") for mark in "/0")
        return [path[len(folder) + 1 :] for path in self._sorted[first:last]]


_NO_FILE = {"symlink": "is a symbolic link", "submodule": "is a submodule", "other": "is not a regular file"}


def _check(entry: Entry | None, limit: int) -> Entry:
    if entry is None:
        raise Unreadable("does not exist")
    if entry.kind != "file":
        raise Unreadable(_NO_FILE[entry.kind])
    if entry.size > limit:
        raise Unreadable(f"is larger than {limit // 1_000_000} MB")
    return entry


class DiskFiles(Files):
    """A folder on disk.

    Args:
        prefix: see `Files`; the folder's own name by default.
        tops: names of the top folders and files to include; all by default.

    Raises:
        UserError: the folder does not exist, or is a symbolic link, which could lead out of the checkout of a
            pull request.
    """

    def __init__(self, root: Path, prefix: str | None = None, tops: Collection[str] = ()) -> None:
        if root.is_symlink():
            raise UserError(f"{root}: this is a symbolic link; pass the taxonomy's folder itself")
        if not root.is_dir():
            raise UserError(f"{root}: there is no such folder; pass the taxonomy's folder")
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
            except FileNotFoundError:
                continue  # deleted since the folder above it was listed
            except PermissionError:
                raise UserError(f"{folder}: permission denied; make this folder readable") from None
            for item in found:
                if self.tops and not name and item.name not in self.tops:
                    continue
                path = f"{name}{item.name}"
                if item.is_dir(follow_symlinks=False):
                    if item.name != ".git":
                        folders.append((item.path, f"{path}/"))
                    continue
                with suppress(FileNotFoundError):  # deleted since the folder was listed
                    status = item.stat(follow_symlinks=False)
                    yield Entry(path, _kind(status.st_mode), status.st_size)

    def read(self, path: str, limit: int) -> bytes:
        _check(self.entries.get(path), limit)
        # O_NONBLOCK and O_NOFOLLOW: the file may have been replaced by a FIFO or a link in the meantime.
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
    """Run a Git command that reads objects and return its output.

    Hooks, replacement objects and fetching on demand are disabled.

    Raises:
        GitError: Git fails, or does not finish within GIT_TIMEOUT_S seconds.
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
        # A file's name may look like a Git pathspec pattern.
        "GIT_LITERAL_PATHSPECS": "1"
    }


def resolve(repo: Path, revision: str) -> str:
    """Return the full SHA of the commit that a branch, a tag or a short SHA refers to.

    Raises:
        GitError: Git fails.
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
    """A folder of a commit, read from Git objects. Use it as a context manager: it keeps a Git process open.

    Args:
        commit: a full SHA (see `resolve`).
        folder: the folder in the repository; "" for the whole repository.
        only: list only files in these folders below `folder`; ignored if empty or longer than MAX_PATHS.
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
            # communicate() closes the pipes; cat-file exits at the end of its input.
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
                raise GitError(f"{self.repo}: git ls-tree: {shown(path)} at {self.commit[:7]} is missing")
            found[path] = Entry(path, _git_kind(mode, kind), 0 if size == b"-" else int(size))
            self._shas[path] = sha.decode()
        if len(found) > MAX_ENTRIES:
            raise UserError(
                f"{self.commit[:7]}: over {MAX_ENTRIES} files in {self.folder or 'the repository'}"
            )
        return found

    def _has_folder(self) -> bool:
        """Return whether the folder is in the commit. Only empty output means no; a Git failure is an error.

        Raises:
            UserError: the path exists but is not a folder.
        """
        arguments = ("-z", "--full-tree", "--end-of-options", self.commit, self.folder)
        listed = git(self.repo, "ls-tree", *arguments)
        if listed and listed.split()[1] != b"tree":
            raise UserError(f"{self.folder} at {self.commit[:7]} is not a folder; replace it with a folder")
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
        # If Git has exited, writing fails and its answer is empty, which is reported below.
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
    """Return text with unpaired surrogates replaced; Python decodes invalid bytes of a path to these."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def shown(path: str) -> str:
    """Return a path for display on one line: invalid bytes and unprintable characters are replaced."""
    text = well_formed(path)
    return "".join(char if char.isprintable() else "�" for char in text)
