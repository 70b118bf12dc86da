"""Copies files that are no code into the package; everything else about the build is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("schemas", "recipes", "runners", ".github/workflows", ".github/ISSUE_TEMPLATE")
# What is for this code alone: its tests, which nobody calls, and the forms for its bugs.
LEFT_OUT = ("ci.yml", "bug.yml", "idea.yml", "config.yml")


class BuildPy(build_py):
    """Copies the folders that bot/core/package_files.py finds; an editable install finds them in place."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for folder in SHIPPED:
                target = Path(self.build_lib, "bot", "_shipped", folder)
                shutil.copytree(folder, target, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildPy})
