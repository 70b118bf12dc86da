"""Python environments that are reused between jobs.

After an environment is installed, its manifest is written: the SHA-256 of every file. Before each reuse, all
files are compared with the manifest, and an incomplete or modified environment is installed again. A job that
runs as the same user can also write the manifest; only an ephemeral runner protects against that.
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
"""How many environments to keep, the most recently used ones; those with running processes are kept too."""


class Environments:
    """The environments in a folder; as a context manager, a lock that lets one process use them at a time.

    Args:
        root: the folder; created if it does not exist.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self._lock = (root / "lock").open("w")

    def __enter__(self) -> "Environments":
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("set-up: waiting for the set-up of another job on this machine", flush=True)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._lock.close()

    def get(
        self, name: str, make: Callable[[Path, bool], None], finish: Callable[[Path], None] | None = None
    ) -> Path:
        """Return the folder of an environment; install it if it is missing, incomplete or modified.

        Args:
            name: the name of the environment.
            make: installs the environment into the given folder; if its second argument is true, without
                using the download cache.
            finish: completes a new environment. It may run the installed code, since that was checked before.

        Raises:
            SetupError: an installed file differs from its package's RECORD even after a fresh download.
        """
        folder, manifest = self.root / name, self.root / f"{name}.json"
        trouble = _trouble(folder, manifest)
        if trouble:
            if folder.exists():
                print(f"set-up: {folder}: {trouble}; installing it again", flush=True)
            manifest.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            make(folder, False)
            found = _contents(folder)
            if altered := _altered(folder, found):
                print(
                    f"set-up: {altered}: a cache on this machine was modified; downloading again", flush=True
                )
                shutil.rmtree(folder)
                make(folder, True)
                found = _contents(folder)
                if altered := _altered(folder, found):
                    raise SetupError(f"{altered}; check the package in the registry")
            if finish:
                finish(folder)
                found = _contents(folder)
            part = manifest.with_suffix(".part")
            part.write_text(json.dumps({"python": _python(), "files": found}))
            part.rename(manifest)
        os.utime(manifest)
        return folder

    def prune(self, used: set[str]) -> None:
        """Delete all but the KEPT most recently used environments, except those with running processes.

        Args:
            used: names of environments to keep in any case.
        """
        manifests = sorted(self.root.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for manifest in manifests[KEPT:]:
            folder = manifest.with_suffix("")
            if folder.name not in used and not _runs(folder):
                manifest.unlink()
                shutil.rmtree(folder, ignore_errors=True)


def _trouble(folder: Path, manifest: Path) -> str:
    """Return why an environment cannot be reused, or "". Delete bytecode that is not in its manifest."""
    try:
        record = json.loads(manifest.read_text())
        wanted = record["files"]
    except (OSError, ValueError, KeyError):
        return "the environment is incomplete"
    if record.get("python") != _python():
        return "the environment was created with another Python"
    for name in _walk(folder):
        # Running jobs write bytecode at any time.
        if "/__pycache__/" in name and name not in wanted:
            (folder / name).unlink(missing_ok=True)
    found = _contents(folder)
    different = sorted(
        name
        for name in wanted.keys() | found.keys()
        if wanted.get(name) != found.get(name) and (name in wanted or "/__pycache__/" not in name)
    )
    return f"{different[0]} was modified after installation" if different else ""


def _python() -> list[str]:
    """Return the path and version of the running Python."""
    return [os.path.realpath(sys.executable), sys.version]


def _walk(folder: Path) -> Iterator[str]:
    """Yield the relative paths of all files and symbolic links below a folder; links are not followed."""
    places = [""]
    while places:
        place = places.pop()
        with os.scandir(f"{folder}/{place}") as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    places.append(f"{place}{entry.name}/")
                else:
                    yield f"{place}{entry.name}"


def _contents(folder: Path) -> dict[str, str]:
    """Return path -> SHA-256 of each file, or the target of each symbolic link."""
    names, threads = list(_walk(folder)), os.cpu_count() or 1
    # A task for each file would cost more than reading it.
    shares = [names[start::threads] for start in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        parts = pool.map(lambda share: {name: _digest(f"{folder}/{name}") for name in share}, shares)
        return {name: digest for part in parts for name, digest in part.items()}


def _digest(path: str) -> str:
    try:
        if os.path.islink(path):  # noqa: PTH114  a Path for each file would take twice the time
            return f"-> {os.readlink(path)}"  # noqa: PTH115  pathlib would normalize the target
        # A named pipe that an earlier job left here must not make this one wait.
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:  # bytecode is written under a temporary name, then renamed
        return ""
    with open(file, "rb", buffering=0) as opened:  # noqa: PTH123  a descriptor has no path
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _altered(folder: Path, found: dict[str, str]) -> str:
    """Find a code file whose hash differs from its package's RECORD.

    uv's cache shares files with environments through hard links, so a change to one changes both. Only code
    files are checked, since companies add their certificates to certifi's file.

    Args:
        found: the result of `_contents`.

    Returns:
        A sentence that names the file, or "" if all files are unmodified.
    """
    for record in folder.glob("lib/*/site-packages/*.dist-info/RECORD"):
        site = record.parent.parent.relative_to(folder)
        for name, digest, _ in csv.reader(record.read_text().splitlines()):
            kind, _, value = digest.partition("=")
            path = os.path.normpath(site / name)
            if kind == "sha256" and name.endswith(CODE):
                wanted = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex()
                if found.get(path) != wanted:
                    return f"{folder / path} differs from the RECORD of {record.parent.name}"
    return ""


def _runs(folder: Path) -> bool:
    """Return whether a process on this machine runs from an environment."""
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"{folder}/".encode() in command.read_bytes():
                return True
        except OSError:  # the process has ended
            continue
    return False
