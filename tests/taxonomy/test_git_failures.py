"""A git command that fails is an error of one line; it never reads as "there is nothing"."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import UserError
from bot.github.main_state import commits_between
from bot.taxonomy.changes import changed_files, changed_leaves
from bot.taxonomy.files import GitError, GitFiles
from bot.taxonomy.tree import read_tree_at
from tests import ROOT

ARBORIST = str(Path(sys.executable).with_name("arborist"))


def object_file(repository: Any, name: str) -> Path:
    sha = repository.git("rev-parse", name)
    return Path(repository.path / ".git/objects" / sha[:2] / sha[2:])


@pytest.fixture
def pull(repository: Any) -> Any:
    """A pull request that changes one leaf."""
    repository.git("checkout", "-qb", "topic")
    repository.write("knowledge/new/qna.yaml", "version: 3\n")
    repository.commit()
    return repository


@pytest.mark.parametrize("lost", ["HEAD:taxonomy", "HEAD:taxonomy/knowledge", "HEAD^{tree}"])
def test_a_tree_that_cannot_be_read(pull: Any, lost: str) -> None:
    object_file(pull, lost).unlink()
    head = pull.git("rev-parse", "HEAD")
    for read in (
        lambda: read_tree_at(pull.path, head).leaves,
        lambda: changed_leaves(pull.path, "main", head),
        lambda: GitFiles(pull.path, head).entries,
    ):
        with pytest.raises(GitError, match=r"git (ls-tree|diff): "):
            read()


def test_a_file_that_cannot_be_read_is_no_broken_leaf(pull: Any) -> None:
    object_file(pull, "HEAD:taxonomy/knowledge/new/qna.yaml").unlink()
    with pytest.raises(GitError, match=r"git (ls-tree|cat-file): "):
        read_tree_at(pull.path, "HEAD")


def test_the_commits_parent_that_cannot_be_read(pull: Any) -> None:
    object_file(pull, "HEAD~1").unlink()
    head = pull.git("rev-parse", "HEAD")
    other = pull.git("commit-tree", "HEAD^{tree}", "-m", "other")
    for read in (changed_leaves, changed_files, commits_between):
        with pytest.raises(GitError, match=r"git (merge-base|rev-list): "):
            read(pull.path, other, head)


def test_commits_that_change_nothing_that_a_model_depends_on_are_not_listed(pull: Any) -> None:
    before = pull.git("rev-parse", "HEAD")
    (pull.path / "README.md").write_text("A page.")
    pull.commit()
    pull.write("knowledge/new/qna.yaml", "version: 3\n# more\n")
    taught = pull.commit()
    assert len(commits_between(pull.path, before, taught)) == 2
    assert commits_between(pull.path, before, taught, ("taxonomy", "arborist.yaml")) == [taught]


def test_where_no_commit_is_shared_the_commits_themselves_are_compared(pull: Any) -> None:
    other = pull.git("commit-tree", "main^{tree}", "-m", "other")
    assert changed_leaves(pull.path, other, "HEAD").added == {"knowledge/new"}


def test_git_that_is_not_there_is_one_line(pull: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(GitError, match="git cannot be started"):
        read_tree_at(pull.path, "HEAD").all()


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_taxonomy_that_is_no_folder_is_an_error(repository: Any, kind: str) -> None:
    repository.git("rm", "-rq", "taxonomy")
    if kind == "file":
        repository.root.write_text("not a folder")
    else:
        repository.root.symlink_to("/etc")
    with pytest.raises(UserError, match=r"taxonomy at [0-9a-f]{7} is not a folder"):
        read_tree_at(repository.path, repository.commit()).all()


def test_a_plan_without_its_objects_is_one_line_and_no_plan(pull: Any, tmp_path: Path) -> None:
    object_file(pull, "HEAD:taxonomy/knowledge").unlink()
    command = [
        ARBORIST,
        "plan",
        "--base",
        "main",
        "--repository",
        str(pull.path),
        "--output",
        "plan.json",
        "--recipe",
        str(ROOT / "arborist.yaml"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 2
    assert not (tmp_path / "plan.json").exists()
    assert "Traceback" not in done.stderr
