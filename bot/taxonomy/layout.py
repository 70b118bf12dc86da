"""The place of a taxonomy in its repository: a folder, or the repository's root as in InstructLab's tree."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from bot.core.errors import UserError
from bot.taxonomy.files import MAX_PATHS, DiskFiles, GitFiles
from bot.taxonomy.leaf import FOLDERS

ROOT = "."
"""The value of `taxonomy` in arborist.yaml if the top folders are in the repository's root."""


@dataclass(frozen=True)
class Layout:
    """The place of a taxonomy in its repository.

    Attributes:
        folder: the taxonomy's folder; "" if its top folders are in the repository's root.
    """

    folder: str = "taxonomy"

    @classmethod
    def of(cls, name: str) -> "Layout":
        """Return the layout for a value of `taxonomy` in arborist.yaml."""
        return cls("" if name == ROOT else name)

    @property
    def name(self) -> str:
        """The value of `taxonomy` in arborist.yaml."""
        return self.folder or ROOT

    @property
    def prefix(self) -> str:
        """The text before a leaf's path that makes it a path in the repository."""
        return f"{self.folder}/" if self.folder else ""

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders of the repository that hold the taxonomy."""
        return (self.folder,) if self.folder else FOLDERS

    @property
    def inside(self) -> tuple[str, ...]:
        """The texts with which the paths of the taxonomy's files begin."""
        return tuple(f"{folder}/" for folder in self.folders)

    @property
    def tops(self) -> tuple[str, ...]:
        """The only top folders to read; empty if the taxonomy has a folder of its own."""
        return () if self.folder else FOLDERS

    def holds(self, path: str) -> bool:
        """Return whether a path in the repository is a path in the taxonomy."""
        return path.startswith(self.inside)

    def leaf(self, text: str) -> str:
        """Return the path of the leaf that a person named, with or without the taxonomy's folder."""
        return text.strip().strip("`").removeprefix(self.prefix).strip("/")

    def root(self, repository: Path) -> Path:
        """Return the taxonomy's folder in a checkout.

        Raises:
            UserError: a folder on the way is a symbolic link, which could lead out of the checkout.
        """
        place = repository.resolve()
        if (place / self.folder).resolve() != place / self.folder:
            raise UserError(f"{repository / self.folder}: this is a symbolic link; use the folder itself")
        return repository / self.folder

    def on_disk(self, repository: Path) -> DiskFiles:
        """Return the taxonomy's files in a checkout.

        Raises:
            UserError: there is no such folder, or it is a symbolic link.
        """
        return DiskFiles(self.root(repository), self.prefix, self.tops)

    def in_commit(self, repository: Path, commit: str, only: Collection[str] = ()) -> GitFiles:
        """Return the taxonomy's files in a commit.

        Args:
            commit: a full SHA.
            only: list only files in these folders below the taxonomy's; all if empty.
        """
        few = only if len(only) <= MAX_PATHS else ()
        return GitFiles(repository, commit, self.folder, few or self.tops)


DEFAULT = Layout()


def find_layout(repository: Path) -> Layout:
    """Return the layout of a checkout without arborist.yaml, by the folders that it has."""
    own = (repository / DEFAULT.folder).is_dir()
    at_root = any((repository / top).is_dir() for top in FOLDERS)
    return Layout("") if at_root and not own else DEFAULT
