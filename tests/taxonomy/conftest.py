"""A git repository with the taxonomy of this one in it, for tests that change it."""

from pathlib import Path

import pytest

from tests.helpers.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")
