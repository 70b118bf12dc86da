"""Data files of the package: schemas, recipes, runner profiles, workflows, the form of issues.

In a checkout they are in folders beside `bot/`; setup.py copies them into the package when it builds a wheel.
"""

from pathlib import Path

PACKAGE = Path(__file__).parent.parent
INSTALLED = PACKAGE / "_shipped"
"""The folder of the data files in a wheel; it does not exist in a checkout or an editable install."""


def shipped(path: str) -> Path:
    """Return the path of a data file or folder on this machine.

    Args:
        path: relative to the checkout's root, such as `schemas/recipe.json`.
    """
    return (INSTALLED if INSTALLED.is_dir() else PACKAGE.parent) / path
