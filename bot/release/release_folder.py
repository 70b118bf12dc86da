"""The folder of a release before it is published: all its files under their names, with the statement."""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.core.store_files import described_file
from bot.release.manifest import MANIFEST
from bot.release.model_files import compatible_files, model_files
from bot.release.signature import SIGNATURE, Signer
from bot.release.statement import STATEMENT, statement_of


def release_files(folder: Path, files: Collection[str], signer: Signer | None = None) -> list[str]:
    """Return the names of all files in a release.

    Args:
        folder: the model's folder.
        files: names of the additional files, such as README.md.
        signer: signs the release; None if it is not signed.
    """
    made = (MANIFEST, STATEMENT, SIGNATURE) if signer else (MANIFEST, STATEMENT)
    return sorted({*model_files(folder), *files, *made})


@contextmanager
def prepared(
    folder: Path, files: Mapping[str, bytes | Path], manifest: Mapping[str, Any], signer: Signer | None
) -> Iterator[Path]:
    """Yield a temporary folder with the files of a release. Files on the disk are linked and not copied.

    Args:
        folder: the model as `save_pretrained` wrote it.
        files: name -> content of the additional files, or the place of one.
        manifest: the manifest, with the list of files.
        signer: signs the release; None if it is not signed.

    Raises:
        UserError: the release cannot be signed.
    """
    written = json.dumps(manifest, indent=2, ensure_ascii=False).encode()
    content = {**compatible_files(folder), **files, MANIFEST: written}
    with TemporaryDirectory() as scratch:
        place = Path(scratch) / str(manifest["release"])
        for name, source in model_files(folder).items():
            if name not in content:
                _parent(place / name).symlink_to(source.resolve())
        for name, data in content.items():
            target = _parent(place / name)
            if isinstance(data, Path):
                target.symlink_to(data.resolve())
            else:
                target.write_bytes(data)
        digests = {name: digest_of(path) for name, path in files_below(place).items()}
        (place / STATEMENT).write_bytes(statement_of(manifest, digests))
        if signer:
            signer.sign(place)
        yield place


def files_below(folder: Path) -> dict[str, Path]:
    """Return name -> path of everything below a folder that is not a folder; links are not followed."""
    found: dict[str, Path] = {}
    for place in sorted(folder.rglob("*")):
        if place.is_symlink() or not place.is_dir():
            found[place.relative_to(folder).as_posix()] = place
    return found


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file; "" if it is not a regular file or a link to one."""
    return str(described_file(file)["sha256"]) if file.is_file() else ""


def _parent(path: Path) -> Path:
    """Create the folder of a path and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
