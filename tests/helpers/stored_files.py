"""Files in a store, as the job that trains puts them there."""

import hashlib
from pathlib import Path

from bot.core.store import Store
from bot.core.stored_file import StoredFile


def stored_file(folder: Path | str, name: str, content: bytes) -> StoredFile:
    """Put a file into an entry of its own of the store at a folder or URL."""
    entry = Store(str(folder)).put("large", hashlib.sha256(content).hexdigest(), {}, {name: content})
    return StoredFile(entry, name)
