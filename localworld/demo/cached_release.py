"""Cache of the demo's first release, so that later demos do not train it again.

This is safe because a store entry's key covers its inputs: an entry is reused only if the seed taxonomy, the
recipe and the code are unchanged. The cache holds only entries made before the pull request, so each demo
runs and times all work on the new leaf.
"""

import shutil
from pathlib import Path

from bot.core.store import cache_folder


def _place() -> Path:
    return cache_folder() / "demo" / "first-release-store"


def lay_out_first_release(store: Path) -> None:
    """Copy the cached entries of the first release into a new store, if there are any."""
    if _place().exists():
        shutil.copytree(_place(), store, copy_function=_link)


def keep_first_release(store: Path) -> None:
    """Replace the cache with the entries of a store that holds only the first release."""
    part = _place().with_name("part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(store, part, copy_function=_link, ignore=shutil.ignore_patterns("work"))
    shutil.rmtree(_place(), ignore_errors=True)
    part.rename(_place())


def _link(source: str, target: str) -> str:
    """Hard-link a file, since store entries never change; copy it if it is on another file system."""
    try:
        Path(target).hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
    return target
