"""The version of the running package, and the commit that it was built from."""

import json
import re
import subprocess
from contextlib import suppress
from importlib import metadata
from typing import Any

from bot.core.package_files import PACKAGE

DISTRIBUTION = "arborist-bot"
RECORD = "commit.txt"
"""A file in a wheel with the commit that it was built from; written by the build."""
_COMMIT = re.compile(r"g?([0-9a-f]{40})")


def version() -> str:
    """Return the version of the newest tag with the abbreviated commit: `1.2.0+g3d3c42e5aa`."""
    public, built_from = metadata.version(DISTRIBUTION).partition("+")[0], commit()
    return f"{public}+g{built_from[:10]}" if built_from else public


def packages(*names: str) -> dict[str, str]:
    """Return name -> version of the packages that are installed, out of those named."""
    found = {}
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def commit() -> str:
    """Return the full SHA of the running code's commit, or "" if unknown."""
    if checked_out := git("rev-parse", "HEAD"):
        return checked_out
    record = PACKAGE / RECORD
    built = _COMMIT.fullmatch(record.read_text().strip()) if record.exists() else None
    return built[1] if built else installed_from().get("vcs_info", {}).get("commit_id", "")


def installed_from() -> dict[str, Any]:
    """Return the installation source that the installer recorded in direct_url.json (PEP 610); {} if none."""
    text = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def git(*arguments: str) -> str:
    """Run git in the checkout of the running code and return its output; "" if there is no checkout."""
    root = PACKAGE.parent
    if not (root / ".git").exists():  # a folder in a checkout, a file in a worktree
        return ""
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""
