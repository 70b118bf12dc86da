"""Files that belong to the package and are no code: schemas, recipes, profiles of runners, workflows.

They lie in the checkout's own folders, from which setup.py copies them into the package of a wheel.
"""

from pathlib import Path

PACKAGE = Path(__file__).parent
INSTALLED = PACKAGE / "_shipped"
"""Their folder in a wheel. A checkout, and so an editable install, has them beside bot/."""


def shipped(path: str) -> Path:
    """Where a shipped file or folder is on this machine.

    Args:
        path: relative to the checkout's root, such as `schemas/recipe.json`.
    """
    return (INSTALLED if INSTALLED.is_dir() else PACKAGE.parent) / path
