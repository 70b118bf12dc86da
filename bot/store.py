"""The store: what a step has made lies under the key of what it was made from, and is never made twice.

An entry is a folder of files and one index record, `entry.json`, written last. Without its record an entry
does not exist, so a process that is killed while writing leaves nothing that is ever read. The place is any
fsspec URL: a folder, `s3://…`, `hf://datasets/org/store`, `memory://` in tests.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bot.errors import UserError

RECORD = "entry.json"


def canonical(value: Any) -> str:
    """The one way to write a JSON value, so that equal values have equal hashes."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def key_of(step: str, version: int, inputs: Mapping[str, Any]) -> str:
    """The key of a step's result: SHA-256 over the step's name, its own version and its canonical inputs."""
    text = canonical({"step": step, "version": version, "inputs": inputs})
    return hashlib.sha256(text.encode()).hexdigest()


def cache_folder() -> Path:
    """Where models and downloads are kept between runs: ARBORIST_CACHE, or the user's cache folder."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "arborist"
    return Path(os.environ.get("ARBORIST_CACHE") or default)


@dataclass(frozen=True)
class Entry:
    """A finished result in the store.

    Attributes:
        inputs: what the key was made of, in readable form.
        files: name -> {"size": bytes, "sha256": hex}.
    """

    store: "Store"
    step: str
    key: str
    inputs: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]]

    def read_bytes(self, name: str) -> bytes:
        """A file of the entry, checked against the size and SHA-256 in its record."""
        if name not in self.files:
            raise UserError(f"store entry {self.step}/{self.key[:12]} has no file {name!r}")
        data: bytes = self.store.fs.cat_file(self.store.path(self.step, self.key, name))
        if hashlib.sha256(data).hexdigest() != self.files[name]["sha256"]:
            raise UserError(
                f"store entry {self.step}/{self.key[:12]}: {name} was altered or cut short; "
                f"remove it with `arborist forget {self.key[:12]}` and run again"
            )
        return data

    def read_text(self, name: str) -> str:
        return self.read_bytes(name).decode()

    def read_json(self, name: str) -> Any:
        return json.loads(self.read_bytes(name))

    def folder(self) -> Path:
        """The entry as a folder on this machine: in place for a local store, else a copy in the cache."""
        if self.store.local is not None:
            return self.store.local / self.step / self.key
        target = cache_folder() / "entries" / self.step / self.key
        if not (target / RECORD).exists():
            part = target.with_name(f"{self.key}.{uuid.uuid4().hex}")
            part.mkdir(parents=True)
            for name in [*self.files, RECORD]:
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                self.store.fs.get_file(self.store.path(self.step, self.key, name), str(part / name))
            shutil.rmtree(target, ignore_errors=True)
            part.rename(target)
        return target


class Store:
    """Entries by step and key at a URL.

    Args:
        url: a folder or an fsspec URL.

    Raises:
        UserError: the URL's protocol is not known here.
    """

    def __init__(self, url: str) -> None:
        import fsspec  # here, since lint needs the cache's folder and no store

        try:
            self.fs, root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise UserError(f"store {url!r} cannot be opened: {error}") from None
        self.url = url
        self.root = str(root).rstrip("/")
        self.local = Path(self.root) if "file" in self._protocols() else None

    def _protocols(self) -> tuple[str, ...]:
        protocol = self.fs.protocol
        return (protocol,) if isinstance(protocol, str) else tuple(protocol)

    def path(self, *parts: str) -> str:
        return "/".join((self.root, *parts))

    def get(self, step: str, key: str) -> Entry | None:
        """The finished entry under this key, or None; a half-written one is None."""
        try:
            record = json.loads(self.fs.cat_file(self.path(step, key, RECORD)))
        except FileNotFoundError:
            return None
        except ValueError:
            raise UserError(
                f"store entry {step}/{key[:12]}: {RECORD} is not JSON; "
                f"remove it with `arborist forget {key[:12]}` and run again"
            ) from None
        return Entry(self, step, key, record["inputs"], record["files"])

    def put(
        self,
        step: str,
        key: str,
        inputs: Mapping[str, Any],
        files: Mapping[str, bytes] | None = None,
        folder: Path | None = None,
    ) -> Entry:
        """Make an entry visible in one step; if it is there already, that one stays.

        Args:
            files: small files, by name.
            folder: a folder whose files are taken over (moved, where the store is on the same disk).
        """
        existing = self.get(step, key)
        if existing is not None:
            return existing
        described = {name: _described(data) for name, data in (files or {}).items()}
        sources = {str(p.relative_to(folder)): p for p in _files(folder)} if folder else {}
        described |= {name: _described_file(path) for name, path in sources.items()}
        record = canonical({"step": step, "key": key, "inputs": inputs, "files": described}).encode()
        try:
            if self.local is not None:
                _put_local(self.local / step, key, files or {}, sources, record)
            else:
                for name, data in (files or {}).items():
                    self.fs.pipe_file(self.path(step, key, name), data)
                for name, path in sources.items():
                    self.fs.put_file(str(path), self.path(step, key, name))
                self.fs.pipe_file(self.path(step, key, RECORD), record)
        except OSError as error:
            raise UserError(f"store {self.url}: cannot write {step}/{key[:12]}: {error}") from None
        return Entry(self, step, key, inputs, described)

    def forget(self, step: str, key: str) -> None:
        """Remove an entry; its record goes first, so that a half-removed entry is not read either."""
        record = self.path(step, key, RECORD)
        if self.fs.exists(record):
            self.fs.rm_file(record)
        if self.fs.exists(self.path(step, key)):
            self.fs.rm(self.path(step, key), recursive=True)

    def find(self, prefix: str) -> list[Entry]:
        """Entries whose key begins with these characters, in any step."""
        found = []
        for path in self.fs.glob(self.path("*", f"{prefix}*", RECORD)):
            step, key = str(path).split("/")[-3:-1]
            entry = self.get(step, key)
            if entry is not None:
                found.append(entry)
        return found

    @contextmanager
    def work(self, step: str, key: str) -> Iterator[Path]:
        """A folder here for what a step has done so far; it survives a kill. One process at a time.

        Raises:
            UserError: another process works on the same key.
        """
        base = self.local or cache_folder() / "work" / hashlib.sha256(self.url.encode()).hexdigest()[:16]
        folder = base / "work" / step / key
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_name(f"{key}.lock"), timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise UserError(
                f"another process is working on {step}/{key[:12]} in {self.url}; wait for it, or end it"
            ) from None
        try:
            yield folder
            if self.get(step, key) is not None:
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            lock.release()


def _put_local(
    place: Path, key: str, files: Mapping[str, bytes], sources: Mapping[str, Path], record: bytes
) -> None:
    """Write beside, then rename into place."""
    final = place / key
    part = place / f".{key}.{uuid.uuid4().hex}"
    part.mkdir(parents=True)
    try:
        for name, data in files.items():
            _write(part / name, data)
        for name, path in sources.items():
            link_or_copy(path, part / name)
        _write(part / RECORD, record)
        if not (final / RECORD).exists():
            shutil.rmtree(final, ignore_errors=True)
            part.rename(final)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def _described(data: bytes) -> dict[str, Any]:
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _described_file(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"size": path.stat().st_size, "sha256": digest}


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """Give a file a second name, or where the disk has no such thing, a copy."""
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(Path(source).resolve())
    except OSError:
        shutil.copyfile(source, target)
