"""A small tree on disk, good at first, that tests break in one place."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.lint_tree import ATTRIBUTION, DOCUMENT, EXAM, KNOWLEDGE, QNA, SKILL, SKILL_QNA, Tree


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    """A knowledge leaf with document and exam, and a skill; nothing in it is to be fixed."""
    made = Tree(tmp_path / "taxonomy")
    made.write(f"{KNOWLEDGE}/qna.yaml", QNA)
    made.write(f"{KNOWLEDGE}/exam.yaml", EXAM)
    made.write(f"{KNOWLEDGE}/oru.md", DOCUMENT)
    made.write(f"{KNOWLEDGE}/attribution.txt", ATTRIBUTION)
    made.write(f"{SKILL}/qna.yaml", SKILL_QNA)
    made.write(f"{SKILL}/attribution.txt", ATTRIBUTION)
    yield made
