"""A store that this machine has no access to: `Store("locked://…")` after this module was imported."""

from typing import Any

import fsspec
from fsspec.implementations.memory import MemoryFileSystem


class LockedFileSystem(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Finds no credentials and says so in an error of its own, as botocore does."""

    protocol = "locked"

    def cat_file(self, path: str, *_: Any, **__: Any) -> bytes:
        raise LookupError("Unable to locate credentials\nsee the manual")

    find = exists = cat_file


fsspec.register_implementation("locked", LockedFileSystem, clobber=True)
LOCKED = "locked://x"
