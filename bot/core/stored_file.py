"""A file of an entry of the store that is on this machine only while it is used."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.core.store import Entry


@dataclass(frozen=True)
class StoredFile:
    """A large file of an entry.

    Attributes:
        name: its name in the entry.
    """

    entry: Entry
    name: str

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file as the entry's record states it, in hexadecimal digits."""
        return str(self.entry.files[self.name]["sha256"])

    @property
    def size(self) -> int:
        """The size of the file in bytes, as the record states it."""
        return int(self.entry.files[self.name]["size"])

    def begins_with(self, magic: bytes) -> bool:
        """Return whether the file begins with these bytes; reads no others."""
        store, step, key = self.entry.store, self.entry.step, self.entry.key
        with self.entry.reading(self.name):
            start: bytes = store.fs.cat_file(store.path(step, key, self.name), start=0, end=len(magic))
        return start == magic

    @contextmanager
    def fetched(self) -> Iterator[Path]:
        """Yield the file's path: its place in a local store, else a copy that is removed afterwards.

        Raises:
            UserError: the file is missing or a link, its SHA-256 differs from the record's, or the store
                cannot be read.
        """
        store, step, key = self.entry.store, self.entry.step, self.entry.key
        if store.local is not None:
            place = store.local / step / key / self.name
            self.entry.check_file(self.name, place)
            yield place
            return
        with TemporaryDirectory() as folder:
            place = Path(folder) / uuid.uuid4().hex
            with self.entry.reading(self.name):
                store.fs.get_file(store.path(step, key, self.name), str(place))
            self.entry.check_file(self.name, place)
            yield place
