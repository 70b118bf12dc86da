"""What a pull request changes: in whose name, where, and what it takes away."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.config.recipe import LintRecipe
from bot.lint import Pull, lint_tree
from bot.taxonomy.changes import changed_files, changed_leaves
from tests.helpers.lint_tree import KNOWLEDGE, SKILL

NEW = "compositional_skills/writing/freeform/farewells"


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@localhost"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


class Proposal:
    """The tree in a repository, with a commit that is proposed."""

    def __init__(self, tree: Any) -> None:
        self.tree, self.repo = tree, tree.root.parent
        git(self.repo, "init", "--quiet")
        self.commit("before")
        git(self.repo, "branch", "base")

    def commit(self, message: str) -> None:
        git(self.repo, "add", "--all")
        git(self.repo, "commit", "--quiet", "--allow-empty", "--message", message)

    def found(self, author: str = "someone") -> list[tuple[str, str]]:
        self.commit("after")
        changes = changed_leaves(self.repo, "base", "HEAD")
        pull = Pull(author, changed_files(self.repo, "base", "HEAD"))
        settings = LintRecipe(ignore=("question-of-another-leaf",))  # new leaves here are copies
        report = lint_tree(self.tree.root, {*changes.added, *changes.changed}, settings, pull)
        return [(finding.rule, finding.path) for finding in report.findings]

    def add(self, created_by: str) -> None:
        for name in ("qna.yaml", "attribution.txt"):
            text = (self.tree.root / SKILL / name).read_text()
            text = text.replace("someone", created_by).replace("Good day", "Farewell, and a good journey")
            self.tree.write(f"{NEW}/{name}", text)


@pytest.fixture
def proposal(tree: Any) -> Proposal:
    return Proposal(tree)


def test_a_new_leaf_in_somebody_elses_name(proposal: Proposal) -> None:
    proposal.add("somebody_else")
    assert proposal.found("someone") == [("created-by", f"taxonomy/{NEW}/qna.yaml")]


@pytest.mark.parametrize("name", ["someone", "SomeOne", '"@someone"'])
def test_a_new_leaf_in_the_own_name(proposal: Proposal, name: str) -> None:
    proposal.add(name)
    assert proposal.found("someone") == []


def test_who_mends_anothers_leaf_is_not_asked_to_put_their_name_on_it(proposal: Proposal) -> None:
    proposal.tree.replace(f"{SKILL}/qna.yaml", "Greet a person", "Greet somebody")
    assert proposal.found("another") == []


def test_a_change_elsewhere(proposal: Proposal) -> None:
    (proposal.repo / "setup.py").write_text("import os\n")
    assert proposal.found() == [("outside-taxonomy", "setup.py")]


def test_a_leaf_that_is_deleted_and_one_that_is_moved(proposal: Proposal) -> None:
    for file in (proposal.tree.root / SKILL).iterdir():
        file.unlink()
    moved = "knowledge/geography/oru"
    git(proposal.repo, "mv", f"taxonomy/{KNOWLEDGE}", f"taxonomy/{moved}")
    assert proposal.found() == [
        ("leaf-gone", f"taxonomy/{SKILL}/qna.yaml"),
        ("leaf-gone", f"taxonomy/{moved}/qna.yaml"),
    ]
