"""A git repository with this repository's taxonomy, for tests that change it."""

import os
import shutil
import subprocess
from pathlib import Path

TAXONOMY = Path(__file__).parents[2] / "taxonomy"


def git_in(folder: Path, *arguments: str) -> str:
    """Run git in a folder, as somebody."""
    identity = {
        f"GIT_{who}_{what}": f"x@{who}.example"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": "/dev/null"}
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


class Repository:
    """A git repository on disk with a taxonomy."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = path / "taxonomy"
        path.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        shutil.copytree(TAXONOMY, self.root)
        self.commit()

    def git(self, *arguments: str) -> str:
        return git_in(self.path, *arguments)

    def write(self, path: str, content: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    def commit(self) -> str:
        """Commit everything; returns the SHA."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "change")
        return self.git("rev-parse", "HEAD")
