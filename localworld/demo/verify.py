"""Verify a release as anybody would who has the maintainers' public key."""

import subprocess
import sys
from pathlib import Path

from bot.core.errors import UserError


def verify_release(release: str, key: Path, taxonomy: Path) -> list[str]:
    """Return the lines of `arborist verify`, one for each check.

    Args:
        release: organization/name@tag on the Hub.
        key: the public key.
        taxonomy: a clone of the taxonomy's repository.

    Raises:
        UserError: a check failed.
    """
    arborist = Path(sys.executable).with_name("arborist")
    options = ("--key", str(key), "--repository", str(taxonomy))
    done = subprocess.run([arborist, "verify", release, *options], capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"verifying {release}: {(done.stdout + done.stderr).strip()}", code=1)
    return done.stdout.strip().splitlines()
