"""Search for entries of the store by the beginning of a key."""

import re

from bot.core.errors import UserError
from bot.core.store import Store

SHORTEST = 8
"""Minimum number of characters of a key that identify an entry."""
_SUGGESTED = 3


def is_key(text: str) -> bool:
    """Return whether a text can be a key or the beginning of one, however short."""
    return re.fullmatch("[0-9a-f]{1,64}", text) is not None


def entries_named(store: Store, prefix: str) -> list[tuple[str, str]]:
    """Return (step, key) of all entries whose key begins with a prefix, with one listing.

    Raises:
        UserError: the prefix is not the beginning of a key, is too short, or no entry has it.
    """
    if prefix and not is_key(prefix):
        raise UserError(f"{prefix!r} is not a key or the beginning of one: keys consist of 0-9 and a-f")
    if len(prefix) < SHORTEST:
        raise UserError(f"{prefix!r} is too short: give at least the first {SHORTEST} characters of a key")
    names = sorted(store.names(prefix))
    if not names:
        near = ", ".join(f"{step}/{key[:12]}" for step, key in _nearest(store, prefix))
        raise UserError(
            f"no entry of the store has a key that begins with {prefix}"
            + (
                f"; the most similar: {near}"
                if near
                else "; `arborist explain LEAF` prints the keys of a leaf"
            )
        )
    return names


def entry_named(store: Store, prefix: str) -> tuple[str, str]:
    """Return (step, key) of the only entry whose key begins with a prefix.

    Raises:
        UserError: see `entries_named`; or several entries have this prefix.
    """
    names = entries_named(store, prefix)
    if len(names) > 1:
        length = len(prefix) + 8
        listed = ", ".join(f"{step}/{key[:length]}" for step, key in names[:5])
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        raise UserError(
            f"{prefix}: {len(names)} entries have this prefix: {listed}{more}; give more characters"
        )
    return names[0]


def _nearest(store: Store, prefix: str) -> list[tuple[str, str]]:
    """Return the entries whose keys differ from a prefix in at most a quarter of its characters."""

    def differing(name: tuple[str, str]) -> int:
        return sum(one != other for one, other in zip(prefix, name[1], strict=False))

    near = [name for name in store.names("") if differing(name) <= len(prefix) // 4]
    return sorted(near, key=lambda name: (differing(name), name))[:_SUGGESTED]
