"""The first commit of the local repository: the files of a checkout."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.core.errors import UserError


@dataclass(frozen=True)
class Seed:
    """How the first commit of the local repository differs from the checkout.

    Attributes:
        leave_out: folders that it does not have.
        texts: path -> text of the files that it has in place of the checkout's, or in addition.
    """

    leave_out: Sequence[str] = ()
    texts: Mapping[str, str] = field(default_factory=dict)


def commit_tree(project: Path, bare: Path, seed: Seed = Seed()) -> None:
    """Create the branch `main` of a bare repository from the files that git tracks in `project`.

    The commit has the files' content on disk, including uncommitted changes, but no history.

    Args:
        project: a git checkout.
        bare: the bare repository to write to.
        seed: how the commit differs from these files.

    Raises:
        UserError: `project` is not a git checkout.
    """
    identity = {"NAME": "Arborist", "EMAIL": "arborist@localhost", "DATE": "2026-01-01T00:00:00Z"}
    settings = {
        f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in identity.items()
    }
    settings |= {
        "GIT_INDEX_FILE": str(bare / "seed.index"),
        "GIT_DIR": str(bare),
        "GIT_WORK_TREE": str(project),
    }

    def git(*arguments: str, stdin: str | None = None, own: bool = False) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=project,
            env=os.environ if own else {**os.environ, **settings},
            input=stdin,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise UserError(f"git {arguments[0]}: {done.stderr.strip()}; {project} must be a git checkout")
        return done.stdout

    tracked = git("ls-files", "-z", own=True)
    gone = tuple(f"{folder}/" for folder in seed.leave_out)
    names = [name for name in tracked.split("\0") if name and not name.startswith(gone)]
    present = "\0".join(name for name in names if (project / name).exists())
    git("update-index", "-z", "--add", "--stdin", stdin=present)
    for name, text in seed.texts.items():
        blob = git("hash-object", "-w", "--stdin", stdin=text).strip()
        git("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}")
    tree = git("write-tree").strip()
    commit = git("commit-tree", tree, "-m", "The taxonomy, the bot and its workflows").strip()
    git("update-ref", "refs/heads/main", commit)
    (bare / "seed.index").unlink()
