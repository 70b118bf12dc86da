"""Commits of what a command has written, in a checkout that had no other changes."""

import subprocess
from pathlib import Path

from bot.core.errors import UserError


def check_clean(repository: Path) -> None:
    """Check that a checkout has no changes, so that a commit holds only what is written from now on.

    Raises:
        UserError: it has changes, or it is no checkout.
    """
    if _git(repository, "status", "--porcelain"):
        raise UserError(f"{repository}: there are changes that are not committed; commit or stash them first")


def commit_all(repository: Path, message: str) -> None:
    """Commit all changes of a checkout; do nothing if there are none.

    Raises:
        UserError: git refuses the commit, for instance because it knows no author.
    """
    _git(repository, "add", "--all")
    if _git(repository, "status", "--porcelain"):
        _git(repository, "commit", "--quiet", "--message", message)


def _git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise UserError(f"{repository}: git {arguments[0]} failed: {lines[-1]}")
    return done.stdout
