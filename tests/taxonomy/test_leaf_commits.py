"""The commit of the main branch that last changed a leaf, and the pull request that it names."""

from pathlib import Path

import pytest

from bot.taxonomy.files import NoCommit
from bot.taxonomy.leaf_commits import LeafCommit, leaf_commits
from tests.helpers.repository import git_in

OLD, NEW = "knowledge/a", "compositional_skills/b"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A leaf, another one by a merged pull request, and a squashed change of the first one."""
    git_in(tmp_path, "init", "--quiet", "--initial-branch=main")
    write(tmp_path, OLD, "the first leaf (#7)\x02")
    git_in(tmp_path, "checkout", "--quiet", "-b", "topic")
    write(tmp_path, NEW, "work in progress")
    git_in(tmp_path, "checkout", "--quiet", "main")
    merge = "Merge pull request #12 from somebody/topic"
    git_in(tmp_path, "merge", "--quiet", "--no-ff", "-m", merge, "topic")
    return tmp_path


def write(repo: Path, leaf: str, subject: str) -> str:
    (repo / "taxonomy" / leaf).mkdir(parents=True, exist_ok=True)
    (repo / "taxonomy" / leaf / "qna.yaml").write_text(subject)
    git_in(repo, "add", "--all")
    git_in(repo, "commit", "--quiet", "-m", subject)
    return git_in(repo, "rev-parse", "HEAD")


def test_a_merge_is_the_commit_of_all_that_it_merged(repo: Path) -> None:
    head = git_in(repo, "rev-parse", "HEAD")
    first = git_in(repo, "rev-list", "--max-parents=0", "HEAD")
    assert leaf_commits(repo, "main", [OLD, NEW, "knowledge/none"]) == {
        NEW: LeafCommit(head, 12),
        OLD: LeafCommit(first),
    }


def test_the_newest_commit_counts_as_of_the_release(repo: Path) -> None:
    before = git_in(repo, "rev-parse", "HEAD")
    squashed = write(repo, OLD, "Another year (#15)")
    assert leaf_commits(repo, "main", [OLD]) == {OLD: LeafCommit(squashed, 15)}
    assert leaf_commits(repo, before, [OLD])[OLD].pull == 0


def test_a_shallow_clone_knows_no_history_and_says_nothing_false(repo: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git_in(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repo}", str(clone))
    assert leaf_commits(clone, "main", [OLD, NEW]) == {}
    with pytest.raises(NoCommit):
        leaf_commits(clone, "f" * 40, [OLD])
