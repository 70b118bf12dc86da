"""The store: a content-addressed cache of step results, each under a key computed from the step's inputs.

An entry is a folder of files and one index record, `entry.json`, written last. Without its record an entry
does not exist, so a process that is killed while writing leaves nothing that is ever read. The location is
any fsspec URL: a folder, `s3://…`, `hf://datasets/org/store`, `memory://` in tests.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bot.core.errors import UserError
from bot.core.store_files import RECORD, check_names, described, described_file, files_in, put_folder


class StoreError(UserError):
    """The store is unreachable from this machine or denies access."""


FEW = 8
"""Up to this many entries are looked up one by one; more, with one listing of all entries."""
AT_ONCE = 16
"""Number of records read in parallel."""


def canonical(value: Any) -> str:
    """Serialize a value to canonical JSON, so that equal values have equal hashes."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def key_of(step: str, version: int, inputs: Mapping[str, Any]) -> str:
    """Return the key of a step's result: the SHA-256 of the step's name, its version and its inputs.

    A raised version invalidates all earlier results of the step.
    """
    text = canonical({"step": step, "version": version, "inputs": inputs})
    return hashlib.sha256(text.encode()).hexdigest()


def cache_folder() -> Path:
    """Return the folder for models and downloads: ARBORIST_CACHE, or a folder in the user's cache."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "arborist"
    return Path(os.environ.get("ARBORIST_CACHE") or default)


@dataclass(frozen=True)
class Entry:
    """A finished result in the store.

    Attributes:
        inputs: the inputs that the key was computed from, or a readable summary of them.
        files: name -> {"size": bytes, "sha256": hex}.
        facts: metadata of the result, such as the number of samples.
    """

    store: "Store"
    step: str
    key: str
    inputs: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def read_bytes(self, name: str) -> bytes:
        """Return a file's contents; raise a UserError if it is missing or was altered."""
        self._need(name)
        with self.reading(name):
            data: bytes = self.store.fs.cat_file(self.store.path(self.step, self.key, name))
        self._check(name, hashlib.sha256(data).hexdigest())
        return data

    def checked_file(self, name: str) -> Path:
        """Return the local path of a file of the entry, after the checks of `read_bytes`; see `folder`."""
        self._need(name)
        path = self.folder() / name
        self.check_file(name, path)
        return path

    def check_file(self, name: str, path: Path) -> None:
        """Raise a UserError unless a path is the entry's file with this name, as its record states it."""
        with self.reading(name):
            if path.is_symlink() or not path.is_file():
                raise FileNotFoundError
            self._check(name, described_file(path)["sha256"])

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """Convert errors of reading one of the entry's files to a UserError."""
        try:
            with self.store.errors(f"read {self.step}/{self.key[:12]}"):
                yield
        except FileNotFoundError:
            raise UserError(
                f"store entry {self.step}/{self.key[:12]}: the file {name} is missing, or is a link; "
                f"remove the entry with `arborist forget {self.key[:12]}` and run again"
            ) from None

    def _need(self, name: str) -> None:
        if name not in self.files:
            raise UserError(f"store entry {self.step}/{self.key[:12]} has no file {name!r}")

    def _check(self, name: str, digest: str) -> None:
        if digest != self.files[name]["sha256"]:
            raise UserError(
                f"store entry {self.step}/{self.key[:12]}: {name} was altered or cut short; "
                f"remove it with `arborist forget {self.key[:12]}` and run again"
            )

    def read_text(self, name: str) -> str:
        return self.read_bytes(name).decode()

    def read_json(self, name: str) -> Any:
        return json.loads(self.read_bytes(name))

    def folder(self) -> Path:
        """Return the entry's folder on this machine: in place for a local store, else a copy in the cache."""
        if self.store.local is not None:
            return self.store.local / self.step / self.key
        target = cache_folder() / "entries" / self.step / self.key
        if not (target / RECORD).exists():
            part = target.with_name(f"{self.key}.{uuid.uuid4().hex}")
            part.mkdir(parents=True)
            for name in self.files:
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                with self.reading(name):
                    self.store.fs.get_file(self.store.path(self.step, self.key, name), str(part / name))
            (part / RECORD).write_bytes(self.record())
            shutil.rmtree(target, ignore_errors=True)
            part.rename(target)
        return target

    def record(self) -> bytes:
        """Return the contents of the entry's index record."""
        made = {"step": self.step, "key": self.key, "inputs": self.inputs, "files": self.files}
        return canonical(made | ({"facts": self.facts} if self.facts else {})).encode()


class Store:
    """A store at a URL; entries are addressed by step and key.

    A job on a GitHub-hosted runner cannot see a folder of another machine: there, each operation on a store
    at an absolute path raises a StoreError, whatever the job's own disk has at that path.

    Args:
        url: a folder or an fsspec URL.

    Raises:
        UserError: the URL's protocol is unknown, or its package is not installed.
    """

    def __init__(self, url: str) -> None:
        import fsspec  # imported here, since lint imports this module only for `cache_folder`

        try:
            self.fs, root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise UserError(f"store {url!r} cannot be opened: {error}") from None
        self.url = url
        self.root = str(root).rstrip("/")
        self.local = Path(self.root) if "file" in self.protocols else None
        hosted = os.environ.get("RUNNER_ENVIRONMENT") == "github-hosted"
        own = ":" not in url and not url.startswith(("/", "~"))  # a folder of the job's checkout
        self._elsewhere = hosted and self.local is not None and not own

    @property
    def protocols(self) -> tuple[str, ...]:
        """The names of the file system's protocol, such as s3 and s3a."""
        protocol = self.fs.protocol
        return (protocol,) if isinstance(protocol, str) else tuple(protocol)

    def path(self, *parts: str) -> str:
        return "/".join((self.root, *parts))

    @contextmanager
    def errors(self, doing: str) -> Iterator[None]:
        """Convert errors of the storage library to a StoreError, except FileNotFoundError.

        Args:
            doing: the operation, for the message "store …: cannot {doing}: …".
        """
        if self._elsewhere:
            raise StoreError(
                f"store {self.url}: it is a folder of another machine, which this job cannot see"
            )
        try:
            yield
        except (UserError, FileNotFoundError):
            raise
        # Each storage library (botocore, Google's, the Hub's) has its own exception classes.
        except Exception as error:
            reason = (str(error).strip().splitlines() or [""])[0] or type(error).__name__
            raise StoreError(
                f"store {self.url}: cannot {doing}: {reason[:200]}; check this machine's network connection "
                "and its credentials for the store"
            ) from None

    def get(self, step: str, key: str) -> Entry | None:
        """Return the entry with this key, or None if there is none or it is incomplete."""
        try:
            with self.errors(f"read {step}/{key[:12]}"):
                text = self.fs.cat_file(self.path(step, key, RECORD))
            record = json.loads(text)
            check_names(record["files"])
            return Entry(self, step, key, record["inputs"], record["files"], record.get("facts", {}))
        except FileNotFoundError:
            return None
        except (ValueError, LookupError, TypeError, AttributeError):
            raise UserError(
                f"store entry {step}/{key[:12]}: {RECORD} was altered or cut short; "
                f"remove it with `arborist forget {key[:12]}` and run again"
            ) from None

    def keys(self, step: str) -> frozenset[str]:
        """Return the keys of all complete entries of a step, with one listing."""
        if self.local is not None:
            place = self.local / step
            with self.errors(f"list {step}"):
                entries = os.scandir(place) if place.is_dir() else ()
                return frozenset(entry.name for entry in entries if Path(entry.path, RECORD).exists())
        self.fs.invalidate_cache(self.path(step))
        try:
            with self.errors(f"list {step}"):
                found = self.fs.find(self.path(step))
        except FileNotFoundError:
            return frozenset()
        names = (str(path).removeprefix(self.path(step)).split("/") for path in found)
        return frozenset(parts[1] for parts in names if len(parts) == 3 and parts[2] == RECORD)

    def has(self, step: str, keys: Collection[str]) -> frozenset[str]:
        """Return the keys that have an entry; costs a request per key, or one listing for more than FEW."""
        wanted = frozenset(keys)
        if len(wanted) > FEW:
            return wanted & self.keys(step)
        with self.errors(f"list {step}"):
            return frozenset(key for key in wanted if self.fs.exists(self.path(step, key, RECORD)))

    def get_many(self, step: str, keys: Collection[str]) -> dict[str, Entry]:
        """Return the existing entries by key; AT_ONCE records are read in parallel."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = pool.map(partial(self.get, step), self.has(step, keys))
            return {entry.key: entry for entry in found if entry is not None}

    def put(
        self,
        step: str,
        key: str,
        inputs: Mapping[str, Any],
        files: Mapping[str, bytes] | None = None,
        folder: Path | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Write an entry; it becomes visible atomically. An existing entry is returned unchanged.

        Args:
            files: contents of small files, by name.
            folder: a folder whose files are added (hard-linked where possible, else copied).
            facts: metadata; see `Entry`.
        """
        existing = self.get(step, key)
        if existing is not None:
            return existing
        recorded = {name: described(data) for name, data in (files or {}).items()}
        sources = {str(p.relative_to(folder)): p for p in files_in(folder)} if folder else {}
        recorded |= {name: described_file(path) for name, path in sources.items()}
        entry = Entry(self, step, key, inputs, recorded, facts or {})
        record = entry.record()
        with self.errors(f"write {step}/{key[:12]}"):
            if self.local is not None:
                put_folder(self.local / step, key, files or {}, sources, record)
            else:
                for name, data in (files or {}).items():
                    self.fs.pipe_file(self.path(step, key, name), data)
                for name, path in sources.items():
                    self.fs.put_file(str(path), self.path(step, key, name))
                self.fs.pipe_file(self.path(step, key, RECORD), record)
        return entry

    def forget(self, step: str, key: str) -> None:
        """Remove an entry; its record first, so that a partly removed entry is never read."""
        record = self.path(step, key, RECORD)
        with self.errors(f"remove {step}/{key[:12]}"):
            if self.fs.exists(record):
                self.fs.rm_file(record)
            if self.fs.exists(self.path(step, key)):
                self.fs.rm(self.path(step, key), recursive=True)

    def names(self, prefix: str) -> list[tuple[str, str]]:
        """Return (step, key) of all entries whose key begins with `prefix`; no record is read."""
        with self.errors("list entries"):
            paths = self.fs.glob(self.path("*", f"{prefix}*", RECORD))
        parts = (str(path).split("/") for path in paths)
        return [(step, key) for *_, step, key, _ in parts]

    @contextmanager
    def work(self, step: str, key: str) -> Iterator[Path]:
        """Lock a key and yield a local working folder, which is kept until the key has an entry.

        Raises:
            UserError: another process is working on the same key.
        """
        base = self.local or cache_folder() / "work" / hashlib.sha256(self.url.encode()).hexdigest()[:16]
        folder = base / "work" / step / key
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_name(f"{key}.lock"), timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise UserError(
                f"another process is working on {step}/{key[:12]} in {self.url}; wait for it or end it"
            ) from None
        try:
            yield folder
            if self.get(step, key) is not None:
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            lock.release()
