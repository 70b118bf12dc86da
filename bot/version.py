"""Which version of this package runs, and which commit it was built from."""

import json
import re
import subprocess
from importlib import metadata
from typing import Any

from bot.shipped import PACKAGE

DISTRIBUTION = "arborist-bot"
RECORD = "commit.txt"
"""The file of a wheel that holds its commit; the build writes it."""
_COMMIT = re.compile(r"g?([0-9a-f]{40})")


def version() -> str:
    """The version by the newest tag, with the commit: `1.2.0+g3d3c42e5aa`."""
    public, built_from = metadata.version(DISTRIBUTION).partition("+")[0], commit()
    return f"{public}+g{built_from[:10]}" if built_from else public


def commit() -> str:
    """The commit of the code that runs, 40 digits; "" where it is not known."""
    if checked_out := git("rev-parse", "HEAD"):
        return checked_out
    record = PACKAGE / RECORD
    built = _COMMIT.fullmatch(record.read_text().strip()) if record.exists() else None
    return built[1] if built else installed_from().get("vcs_info", {}).get("commit_id", "")


def installed_from() -> dict[str, Any]:
    """What the installer recorded about the source (PEP 610), for instance the URL of a git repository."""
    text = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def git(*arguments: str) -> str:
    """The output of git in the checkout that this code runs from; "" where it runs from none."""
    root = PACKAGE.parent
    if not (root / ".git").exists():  # a folder in a checkout, and a file in a worktree of one
        return ""
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""
