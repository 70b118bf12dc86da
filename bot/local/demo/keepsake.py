"""The first release of the demo, kept from one demo to the next.

Keys make that safe: what the seed taxonomy, the recipe and the code ask for has the same keys each time. Only
entries that were there before the pull request are kept, so everything about the new leaf is done, and
measured, in each run.
"""

import shutil
from pathlib import Path

from bot.store import cache_folder


def _place() -> Path:
    return cache_folder() / "demo" / "first-release-store"


def lay_out_first_release(store: Path) -> None:
    """Give a new store what an earlier demo made for the first release, if there was one."""
    if _place().exists():
        shutil.copytree(_place(), store, copy_function=_link)


def keep_first_release(store: Path) -> None:
    """Keep a store that holds the first release and nothing else."""
    part = _place().with_name("part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(store, part, copy_function=_link, ignore=shutil.ignore_patterns("work"))
    shutil.rmtree(_place(), ignore_errors=True)
    part.rename(_place())


def _link(source: str, target: str) -> str:
    """Entries never change, so a second name is as good as a copy; another disk needs the copy."""
    try:
        Path(target).hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
    return target
