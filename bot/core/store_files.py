"""The files of a store's entries: their sizes and hashes, and how an entry appears all at once."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

RECORD = "entry.json"
"""The index record of an entry, written last."""


def check_names(names: Iterable[str]) -> None:
    """Check that the names of an entry's files stay in the entry's folder.

    Raises:
        ValueError: a name is absolute, leads out of the folder, or is the record's.
    """
    for name in names:
        parts = PurePosixPath(name).parts
        if not parts or parts[0] == "/" or ".." in parts or name == RECORD or "\\" in name or "\0" in name:
            raise ValueError(f"{name!r} is not the name of a file of an entry")


def put_folder(
    place: Path, key: str, files: Mapping[str, bytes], sources: Mapping[str, Path], record: bytes
) -> None:
    """Write the entry to a temporary folder beside its place, then rename it."""
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


def files_in(folder: Path) -> list[Path]:
    """Return all files in a folder and its folders, sorted by path."""
    return sorted(p for p in folder.rglob("*") if p.is_file())


def described(data: bytes) -> dict[str, Any]:
    """Return size and SHA-256 of a file's contents."""
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def described_file(path: Path) -> dict[str, Any]:
    """Return size and SHA-256 of a file."""
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
    """Create a hard link to a file, or copy it if the file system does not support that."""
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(Path(source).resolve())
    except OSError:
        shutil.copyfile(source, target)
