"""The folder of a release before it is published: all its files under their names, with the statement."""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.core.store_files import described_file
from bot.core.stored_file import StoredFile
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


@dataclass(frozen=True)
class Prepared:
    """The files of a commit to the Hub, under their names there.

    Attributes:
        folder: a temporary folder with all files that are not in `stored`.
        stored: large files, which are copied from the store one by one while they are uploaded.
    """

    folder: Path
    stored: Mapping[str, StoredFile]

    def digests(self) -> dict[str, str]:
        """Return name -> SHA-256 of all files."""
        found = {name: digest_of(path) for name, path in files_below(self.folder).items()}
        return found | {name: stored.sha256 for name, stored in self.stored.items()}


@contextmanager
def prepared(
    folder: Path, files: Mapping[str, bytes | StoredFile], manifest: Mapping[str, Any], signer: Signer | None
) -> Iterator[Prepared]:
    """Yield the files of a release. Files in the model's folder are linked and not copied.

    Args:
        folder: the model as `save_pretrained` wrote it; files in the store need not be there.
        files: name -> the additional files.
        manifest: the manifest, with the list of files.
        signer: signs the release; None if it is not signed.

    Raises:
        UserError: the release cannot be signed.
    """
    written = json.dumps(manifest, indent=2, ensure_ascii=False).encode()
    content = {**compatible_files(folder), **files, MANIFEST: written}
    linked = {name: source for name, source in model_files(folder).items() if name not in content}
    with prepared_files(content, linked, str(manifest["release"])) as made:
        (made.folder / STATEMENT).write_bytes(statement_of(manifest, made.digests()))
        if signer:
            signer.sign(made.folder, {name: stored.sha256 for name, stored in made.stored.items()})
        yield made


@contextmanager
def prepared_files(
    content: Mapping[str, bytes | StoredFile], linked: Mapping[str, Path], name: str
) -> Iterator[Prepared]:
    """Yield files under their names; those on the disk are linked and not copied.

    Args:
        linked: name -> file on the disk.
        name: the name of the temporary folder.
    """
    with TemporaryDirectory() as scratch:
        place = Path(scratch) / name
        place.mkdir()
        for file, source in linked.items():
            _parent(place / file).symlink_to(source.resolve())
        for file, data in content.items():
            if not isinstance(data, StoredFile):
                _parent(place / file).write_bytes(data)
        yield Prepared(place, {file: data for file, data in content.items() if isinstance(data, StoredFile)})


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
