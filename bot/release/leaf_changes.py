"""The leaves that are added, changed and removed from one release to another, by their manifests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
"""A leaf's row of a manifest."""


@dataclass(frozen=True)
class LeafChanges:
    """The leaves of two releases, by path; a moved leaf is removed and added.

    Attributes:
        added: rows of the later manifest.
        changed: rows of the later manifest, of leaves whose samples are others than before.
        removed: rows of the earlier manifest.
        same: number of leaves with the same samples.
    """

    added: tuple[Row, ...] = ()
    changed: tuple[Row, ...] = ()
    removed: tuple[Row, ...] = ()
    same: int = 0


def leaf_changes(earlier: Mapping[str, Any] | None, later: Mapping[str, Any]) -> LeafChanges:
    """Compare the leaves of two manifests.

    Args:
        earlier: None if there is no release before; then all leaves are added.
    """
    before = rows_of(earlier) if earlier else {}
    after = rows_of(later)
    both = sorted(before.keys() & after.keys())
    changed = [path for path in both if before[path]["key"] != after[path]["key"]]
    return LeafChanges(
        added=tuple(after[path] for path in sorted(after.keys() - before.keys())),
        changed=tuple(after[path] for path in changed),
        removed=tuple(before[path] for path in sorted(before.keys() - after.keys())),
        same=len(both) - len(changed),
    )


def rows_of(manifest: Mapping[str, Any]) -> dict[str, Row]:
    """Return path -> row of a manifest's leaves."""
    return {leaf["path"]: leaf for leaf in manifest["leaves"]}
