"""The contributor's clone: real git, as somebody would use it."""

import os
import shutil
import subprocess
from pathlib import Path

from bot.errors import UserError


class Clone:
    """A clone of a fork on a new branch.

    Args:
        folder: where to clone to.
        url: the fork's URL over HTTP.
        token: the contributor's token, as the password of git's basic authentication.
    """

    def __init__(self, folder: Path, url: str, token: str, branch: str) -> None:
        self.folder, self.branch = folder, branch
        self._git(
            "clone", "--quiet", url.replace("://", f"://contributor:{token}@", 1), str(folder), at=Path()
        )
        self._git("checkout", "--quiet", "-b", branch)

    def write(self, leaf: str, source: Path, broken: str = "") -> None:
        """Write the demo's leaf; `broken` names the file to take in place of qna.yaml."""
        target = self.folder / leaf
        target.mkdir(parents=True, exist_ok=True)
        for file in source.iterdir():
            if not file.name.startswith(("mistake", "qna.")):
                shutil.copyfile(file, target / file.name)
        shutil.copyfile(source / (broken or "qna.yaml"), target / "qna.yaml")

    def commit_and_push(self, message: str) -> None:
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
