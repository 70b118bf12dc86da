"""The contributor's clone, written and pushed with the git command."""

import os
import shutil
import subprocess
from pathlib import Path

from bot.core.errors import UserError


class Clone:
    """A clone of a fork on a new branch.

    Args:
        folder: where to clone to.
        url: the fork's URL over HTTP.
        token: the contributor's token; git sends it as the password.
        branch: the branch to create and push.
    """

    def __init__(self, folder: Path, url: str, token: str, branch: str) -> None:
        self.folder, self.branch = folder, branch
        self._git(
            "clone", "--quiet", url.replace("://", f"://contributor:{token}@", 1), str(folder), at=Path()
        )
        self._git("checkout", "--quiet", "-b", branch)

    def clone_again(self, folder: Path, url: str) -> None:
        """Clone another repository into a new folder, as anybody can."""
        self._git("clone", "--quiet", url, str(folder), at=Path())

    def write(self, leaf: str, source: Path, broken: str = "") -> None:
        """Write the demo's leaf into the clone.

        Args:
            leaf: the leaf's folder, relative to the root of the clone.
            source: the folder with the leaf's files.
            broken: the file in `source` to write as qna.yaml instead of the correct one.
        """
        target = self.folder / leaf
        target.mkdir(parents=True, exist_ok=True)
        for file in source.iterdir():
            if not file.name.startswith(("mistake", "qna.")):
                shutil.copyfile(file, target / file.name)
        shutil.copyfile(source / (broken or "qna.yaml"), target / "qna.yaml")

    def commit_and_push(self, message: str) -> None:
        """Commit all changes and push the branch to the fork."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", message)
        self._git("push", "--quiet", "origin", self.branch)

    def _git(self, *arguments: str, at: Path | None = None) -> None:
        who = {"NAME": "Contributor", "EMAIL": "contributor@localhost"}
        names = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
        done = subprocess.run(
            ["git", *arguments],
            cwd=at or self.folder,
            env={**os.environ, **names, "GIT_TERMINAL_PROMPT": "0"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise UserError(f"git {arguments[0]}: {done.stderr.strip()}")
