"""Environments that are kept between jobs.

An environment is complete once its manifest is written: the SHA-256 of every file. Before it is used again,
all files are compared with the manifest. So one that is half-made or altered is made anew. A job of the same
user can write the manifest, too; only a runner that is thrown away after each job (an ephemeral runner)
protects against that.
"""

import base64
import csv
import fcntl
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from machine import SetupError

CODE = (".py", ".so", ".pth")
KEPT = 6
"""How many environments stay, the most recently used ones; those that processes run from stay as well."""


class Environments:
    """The environments of a folder, for one process at a time.

    Args:
        root: the folder; made if it is not there.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self._lock = (root / "lock").open("w")

    def __enter__(self) -> "Environments":
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("set-up: waits for the set-up of another job on this machine", flush=True)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._lock.close()

    def get(self, name: str, make: Callable[[Path, bool], None]) -> Path:
        """The environment of this name, made if it is not there, not whole or not as it was made.

        Args:
            make: makes it in the folder that it is given; if its second argument is true, of fresh downloads.

        Raises:
            SetupError: what was installed is not what its packages say.
        """
        folder, manifest = self.root / name, self.root / f"{name}.json"
        trouble = _trouble(folder, manifest)
        if trouble:
            if folder.exists():
                print(f"set-up: {folder}: {trouble}; it is made anew", flush=True)
            manifest.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            make(folder, False)
            found = _contents(folder)
            if altered := _altered(folder, found):
                print(f"set-up: {altered}: a cache on this machine was altered; downloads anew", flush=True)
                shutil.rmtree(folder)
                make(folder, True)
                found = _contents(folder)
                if altered := _altered(folder, found):
                    raise SetupError(f"{altered}; see what the registry delivers")
            part = manifest.with_suffix(".part")
            part.write_text(json.dumps({"python": _python(), "files": found}))
            part.rename(manifest)
        os.utime(manifest)
        return folder

    def prune(self, used: set[str]) -> None:
        """Remove environments that were not used lately and that nothing runs from."""
        manifests = sorted(self.root.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for manifest in manifests[KEPT:]:
            folder = manifest.with_suffix("")
            if folder.name not in used and not _runs(folder):
                manifest.unlink()
                shutil.rmtree(folder, ignore_errors=True)


def _trouble(folder: Path, manifest: Path) -> str:
    """Why an environment cannot be used; empty if it can. Bytecode that was written since is removed."""
    try:
        record = json.loads(manifest.read_text())
        wanted = record["files"]
    except (OSError, ValueError, KeyError):
        return "it is not complete"
    if record.get("python") != _python():
        return "it was made with another Python"
    for path in _walk(folder):
        # Jobs that run meanwhile write more of it.
        if path.parent.name == "__pycache__" and str(path.relative_to(folder)) not in wanted:
            path.unlink(missing_ok=True)
    found = _contents(folder)
    different = sorted(
        name
        for name in wanted.keys() | found.keys()
        if wanted.get(name) != found.get(name) and (name in wanted or "/__pycache__/" not in name)
    )
    return f"{different[0]} is not as it was installed" if different else ""


def _python() -> list[str]:
    return [os.path.realpath(sys.executable), sys.version]


def _walk(folder: Path) -> Iterator[Path]:
    """All files, and all links, which are not followed."""
    for place, folders, files in os.walk(folder):
        paths = [Path(place, name) for name in (*folders, *files)]
        yield from (path for path in paths if path.is_symlink() or not path.is_dir())


def _contents(folder: Path) -> dict[str, str]:
    """Path -> SHA-256 of every file, or where a link leads."""
    paths = list(_walk(folder))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(
            zip((str(path.relative_to(folder)) for path in paths), pool.map(_digest, paths), strict=True)
        )


def _digest(path: Path) -> str:
    try:
        if path.is_symlink():
            return f"-> {os.readlink(path)}"  # noqa: PTH115  pathlib would change what it says
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:  # bytecode that is just being written has two names
        return ""


def _altered(folder: Path, found: dict[str, str]) -> str:
    """A file of code that is not what its package's RECORD says, in words; empty if there is none.

    A cache shares its files with environments (hard links), so both are altered at once. Only code counts:
    companies add their certificates to certifi's.
    """
    for record in folder.glob("lib/*/site-packages/*.dist-info/RECORD"):
        site = record.parent.parent.relative_to(folder)
        for name, stated, _ in csv.reader(record.read_text().splitlines()):
            kind, _, value = stated.partition("=")
            path = os.path.normpath(site / name)
            if kind == "sha256" and name.endswith(CODE):
                wanted = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex()
                if found.get(path) != wanted:
                    return f"{folder / path} is not what {record.parent.name} says"
    return ""


def _runs(folder: Path) -> bool:
    """Whether a process of this machine runs from an environment."""
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"{folder}/".encode() in command.read_bytes():
                return True
        except OSError:  # it has ended meanwhile
            continue
    return False
