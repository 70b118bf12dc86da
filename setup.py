"""Copies files that are no code into the package; everything else about the build is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("schemas", "recipes", "runners", ".github/workflows")


class BuildPy(build_py):
    """Copies the folders that bot/shipped.py finds; an editable install reads them where they are."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for folder in SHIPPED:
                target = Path(self.build_lib, "bot", "_shipped", folder)
                shutil.copytree(folder, target, dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildPy})
