"""The notes of a GitHub release: by contributor, which leaves are new, changed and removed."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from bot.core.hub_address import endpoint
from bot.github.closing import Closing
from bot.github.render import render
from bot.release.companions import KINDS, repository_of
from bot.release.hub import Release
from bot.release.leaf_changes import LeafChanges, leaf_changes

MOST_LEAVES = 200
"""How many leaves the notes list."""
LIMIT = 120_000
"""Maximum number of characters of the notes; GitHub accepts 125,000."""
NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
"""The name of a repository on the Hub."""


@dataclass(frozen=True)
class LeafNote:
    """A leaf in the notes.

    Attributes:
        row: the leaf's row in the manifest; for a removed leaf, in the manifest of the release before.
        change: "new", "changed" or "removed".
        pulls: the pull requests of the release that changed the leaf.
    """

    row: Mapping[str, Any]
    change: str
    pulls: tuple[int, ...]

    @property
    def contributor(self) -> str:
        return str(self.row["created_by"])


def notes_of(release: Release, previous: Release | None, closings: Mapping[int, Closing]) -> str:
    """Return the notes of a release as Markdown.

    Args:
        previous: the release before; None if there is none.
        closings: number of a pull request -> what the release contains of it.
    """
    changes = leaf_changes(previous.manifest if previous else None, release.manifest)
    notes = sorted(_leaf_notes(changes, closings), key=lambda note: note.contributor)
    manifest = release.manifest
    text = render(
        "release_notes",
        release=release,
        changes=changes,
        by_contributor=[
            (name, list(own)) for name, own in groupby(notes[:MOST_LEAVES], lambda note: note.contributor)
        ],
        more=max(0, len(notes) - MOST_LEAVES),
        retention=manifest["examined"]["retention"],
        override=manifest["gate"].get("override"),
        companions=[_companion(one) for one in manifest.get("companions", ())],
    )
    if len(text) <= LIMIT:
        return text
    return text[:LIMIT].rpartition("\n")[0] + "\n\n… cut here: the model card lists everything."


def title_of(release: Release, previous: Release | None) -> str:
    """Return the title of a GitHub release, such as "v2026.11.29.1: 2 leaves new, 1 removed"."""
    changes = leaf_changes(previous.manifest if previous else None, release.manifest)
    counts = {"new": len(changes.added), "changed": len(changes.changed), "removed": len(changes.removed)}
    first, *others = [f"{count} {change}" for change, count in counts.items() if count] or ["no leaf changed"]
    number, _, change = first.partition(" ")
    if number.isdigit():
        first = f"{number} {'leaf' if number == '1' else 'leaves'} {change}"
    return f"{release.tag}: {', '.join((first, *others))}"


def _leaf_notes(changes: LeafChanges, closings: Mapping[int, Closing]) -> Iterable[LeafNote]:
    pulls: dict[str, list[int]] = {}
    for number, closing in sorted(closings.items()):
        for path in closing.paths:
            pulls.setdefault(path, []).append(number)
    kinds = (("new", changes.added), ("changed", changes.changed), ("removed", changes.removed))
    for change, rows in kinds:
        for row in rows:
            yield LeafNote(row, change, tuple(pulls.get(row["path"], ())))


def _companion(stated: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return what a companion is, its repository, and its URL; without a URL if the kind is not known."""
    kind, name = KINDS.get(stated["kind"]), str(stated["repository"])
    if kind is None or not NAME.fullmatch(name):
        return kind.what if kind else str(stated["kind"]), name, ""
    return kind.what, name, f"{endpoint()}/{repository_of(stated).resource}"
