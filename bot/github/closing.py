"""The closing word on a merged pull request: what the release contains of it, according to the manifests."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from bot.github.render import render
from bot.release.hub import Release

MOST_OVERLAPS = 20
"""How many overlaps with other leaves one comment lists."""
MOST_NAMED = 20
"""How many leaves and files of each kind one comment lists."""


@dataclass(frozen=True)
class Closing:
    """What a release contains of a pull request.

    Attributes:
        learnt: the manifest's rows of the leaves that are new or changed in the release.
        same: leaves that it touches and whose samples are the same as in the previous release.
        removed: leaves of the previous release that this one does not contain.
        gone: leaves that were added and removed again between the two releases.
        ignored: files in the taxonomy's folder that belong to no leaf, so nothing was learnt of them.
        unreadable: leaves that cannot be read, with the reason; the release may have an earlier state.
    """

    learnt: tuple[Mapping[str, Any], ...] = ()
    same: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()

    @property
    def paths(self) -> set[str]:
        """All leaves of the previous and the new release that the pull request touches."""
        return {*(row["path"] for row in self.learnt), *self.same, *self.removed}

    @property
    def contained(self) -> bool:
        """Whether the release follows the pull request: in a leaf, in a removal, or in its settings."""
        return bool(self.paths) or self == Closing()


def closing_of(release: Release, previous: Release | None, files: Iterable[str]) -> Closing:
    """Compare a release with the previous one, for the files that a pull request changes.

    Args:
        previous: the release before; None if there is none.
        files: paths from the repository's root.
    """
    now, before, layout = leaves_of(release), leaves_of(previous), release.layout
    unreadable = {one["path"]: str(one["reason"]) for one in release.manifest.get("quarantined", ())}
    touched: set[str] = set()
    gone: set[str] = set()
    loose: list[str] = []
    for name in sorted({name.removeprefix(layout.prefix) for name in files if layout.holds(name)}):
        folders = [str(folder) for folder in PurePosixPath(name).parents]
        leaf = next((one for one in folders if one in now or one in before or one in unreadable), None)
        if leaf is not None:
            touched.add(leaf)
        elif PurePosixPath(name).name == "qna.yaml":
            gone.add(folders[0])
        else:
            loose.append(name)
    kept = sorted(touched & now.keys())
    same = [path for path in kept if path in before and before[path].get("key") == now[path].get("key")]
    return Closing(
        tuple(now[path] for path in kept if path not in same),
        tuple(same),
        tuple(sorted(touched - now.keys() - unreadable.keys())),
        tuple(sorted(gone)),
        tuple(name for name in loose if not gone & {str(folder) for folder in PurePosixPath(name).parents}),
        tuple((path, unreadable[path]) for path in sorted(touched & unreadable.keys())),
    )


def leaves_of(release: Release | None) -> dict[str, Mapping[str, Any]]:
    """Return leaf -> its row in the manifest."""
    return {leaf["path"]: leaf for leaf in release.manifest["leaves"]} if release else {}


def closing_word(release: Release, closing: Closing, *, made: bool = True) -> str:
    """Return the part `release` of the comment.

    Args:
        made: whether the release was made for this pull request, among others; otherwise it is older, and the
            merge did not change what the model learns.
    """
    every = list(leaves_of(release).values())
    return render(
        "release",
        tag=release.tag,
        url=release.url,
        repository=release.repository,
        closing=closing,
        made=made,
        leaves=list(closing.learnt) if closing.learnt else every,
        untouched=closing == Closing(),
        overlaps=overlaps_of(release, closing.paths),
        most=MOST_NAMED,
    )


def overlaps_of(release: Release, own: Collection[str]) -> Sequence[str]:
    """Describe how other leaves overlap with these; older manifests do not record overlaps."""
    pairs = release.manifest.get("overlaps", ())
    return [pair["text"] for pair in pairs if pair["leaf"] in own or pair["other"] in own][:MOST_OVERLAPS]
