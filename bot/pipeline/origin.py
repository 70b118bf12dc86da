"""Where a taxonomy comes from, and which of its leaves cannot be read."""

from dataclasses import dataclass

from bot.taxonomy.layout import DEFAULT, Layout


@dataclass(frozen=True)
class Quarantined:
    """A leaf of the taxonomy that cannot be read.

    Attributes:
        reason: what is wrong, where, and how to fix it.
        commit: the commit as of which the release has the leaf; "" if the release does not have it.
    """

    path: str
    reason: str
    commit: str = ""


@dataclass(frozen=True)
class Origin:
    """The origin of a taxonomy.

    Attributes:
        repository: name of the repository.
        commit: hash of the commit.
        pulls: numbers of the pull requests merged since the previous release.
        tree: git's hash of the taxonomy's folder in that commit; "" if it was not read from git.
        layout: the taxonomy's place in the repository.
        quarantined: the leaves that cannot be read.
    """

    repository: str
    commit: str
    pulls: tuple[int, ...] = ()
    tree: str = ""
    layout: Layout = DEFAULT
    quarantined: tuple[Quarantined, ...] = ()
