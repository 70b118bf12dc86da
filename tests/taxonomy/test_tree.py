"""Leaves from a folder and from a commit, and what changed between two commits."""

import os
from typing import Any

import pytest

from bot.core.errors import UserError
from bot.taxonomy.changes import changed_leaves
from bot.taxonomy.files import resolve
from bot.taxonomy.leaf import QA
from bot.taxonomy.tree import leaf_paths, load_tree, read_tree_at

ISLAND = "knowledge/geography/islands/velmora"
MINERAL = "knowledge/science/minerals/tessarite"
INVOICE = "compositional_skills/extraction/invoice/invoice_number"
NOTICES = "compositional_skills/writing/freeform/library_notices"
DAYS = "foundational_skills/reasoning/temporal_reasoning/days_of_the_week"


def test_a_leaf_is_all_that_stands_in_its_folder(repository: Any) -> None:
    [leaf] = load_tree(repository.root, only=[ISLAND])
    assert (leaf.path, leaf.kind, leaf.version, leaf.domain) == (ISLAND, "knowledge", 3, "geography")
    assert leaf.seeds[0].context is not None and leaf.seeds[0].context.startswith("Velmora is an island")
    assert leaf.seeds[0].pairs[1] == QA(
        "What is the capital of Velmora?", "The capital of Velmora is Harnick."
    )
    assert [document.name for document in leaf.documents] == ["velmora.md"]
    assert leaf.exam[2].marking.must_contain == (("8400", "8,400"),)


def test_kinds_and_grounded_skills(repository: Any) -> None:
    kinds = {leaf.path: (leaf.kind, leaf.grounded) for leaf in load_tree(repository.root)}
    assert kinds == {
        ISLAND: ("knowledge", False),
        MINERAL: ("knowledge", False),
        INVOICE: ("compositional", True),
        NOTICES: ("compositional", False),
        DAYS: ("foundational", False),
    }
    assert leaf_paths(repository.root) == sorted(kinds)


def test_a_commit_gives_the_same_leaves_as_the_folder(repository: Any) -> None:
    assert read_tree_at(repository.path, "main").all() == load_tree(repository.root)


def test_a_commit_is_read_without_looking_at_the_folder(repository: Any) -> None:
    repository.write(f"{ISLAND}/qna.yaml", "{broken")
    assert ISLAND in {leaf.path for leaf in read_tree_at(repository.path, "HEAD").all()}


def test_neither_comments_nor_the_exam_change_what_generation_depends_on(repository: Any) -> None:
    [before] = load_tree(repository.root, only=[ISLAND])
    text = (repository.root / ISLAND / "qna.yaml").read_text()
    repository.write(f"{ISLAND}/qna.yaml", f"# another comment\n{text}")
    repository.write(
        f"{ISLAND}/exam.yaml", "version: 1\nquestions: [{question: Q?, must_contain: [Harnick]}]\n"
    )
    [after] = load_tree(repository.root, only=[ISLAND])
    assert after.canonical() == before.canonical()
    assert after.exam != before.exam


@pytest.mark.parametrize("name", ["qna.yaml", "exam.yaml"])
def test_a_broken_leaf_is_one_line_with_its_place(repository: Any, name: str) -> None:
    repository.write(f"{ISLAND}/{name}", "version: 3\nversion: 3\n")
    with pytest.raises(UserError, match=f"^taxonomy/{ISLAND}/{name}:1:1: .*; ") as caught:
        load_tree(repository.root)
    assert caught.value.code == 1
    commit = repository.commit()
    with pytest.raises(UserError, match=f"^taxonomy/{ISLAND}/{name}:1:1: "):
        read_tree_at(repository.path, commit).all()


def test_broken_leaves_are_left_out_on_demand(repository: Any) -> None:
    repository.write(f"{ISLAND}/qna.yaml", "{")
    commit = repository.commit()
    assert ISLAND not in {leaf.path for leaf in read_tree_at(repository.path, commit).leaves}
    assert [leaf.path for leaf in read_tree_at(repository.path, commit, only=[DAYS]).all()] == [DAYS]


def test_a_missing_document_is_told_where_it_is_named(repository: Any) -> None:
    (repository.root / ISLAND / "velmora.md").unlink()
    with pytest.raises(
        UserError, match=r"velmora/qna.yaml:\d+:\d+: no file matches the pattern 'velmora.md'"
    ):
        load_tree(repository.root)


def test_links_are_not_followed_on_disk_or_in_a_commit(repository: Any) -> None:
    (repository.root / "knowledge/linked").symlink_to(repository.root / ISLAND)
    (repository.root / "knowledge/other").mkdir()
    (repository.root / "knowledge/other/qna.yaml").symlink_to(repository.root / ISLAND / "qna.yaml")
    assert len(load_tree(repository.root)) == 5
    assert len(read_tree_at(repository.path, repository.commit()).all()) == 5


def test_a_linked_document_is_not_read(repository: Any) -> None:
    (repository.root / ISLAND / "velmora.md").unlink()
    (repository.root / ISLAND / "velmora.md").symlink_to("/etc/passwd")
    for load in (
        lambda: load_tree(repository.root),
        lambda: read_tree_at(repository.path, repository.commit()).all(),
    ):
        with pytest.raises(UserError, match=r"velmora\.md' is a symbolic link"):
            load()


def test_a_pipe_does_not_keep_the_loader_waiting(repository: Any) -> None:
    (repository.root / ISLAND / "exam.yaml").unlink()
    os.mkfifo(repository.root / ISLAND / "exam.yaml")
    with pytest.raises(UserError, match=r"exam\.yaml: it is not a regular file; replace"):
        load_tree(repository.root)


@pytest.mark.parametrize(
    "path", [f"{ISLAND}/qna.yaml", f"{ISLAND}/velmora.md", f"{ISLAND}/exam.yaml", f"{ISLAND}/attribution.txt"]
)
def test_a_change_of_any_file_changes_its_leaf(repository: Any, path: str) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.write(path, "something else")
    changes = changed_leaves(repository.path, base, repository.commit())
    assert (changes.added, changes.changed, changes.deleted) == (set(), {ISLAND}, set())


def test_leaves_added_deleted_and_moved(repository: Any) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.write("knowledge/new/a leaf \U0001f600/qna.yaml", "version: 3\n")
    repository.git("rm", "-rq", f"taxonomy/{DAYS}")
    (repository.root / "knowledge/history").mkdir()
    repository.git("mv", f"taxonomy/{ISLAND}", "taxonomy/knowledge/history/velmora")
    repository.write("README.md", "no leaf")
    changes = changed_leaves(repository.path, base, repository.commit())
    assert changes.added == {"knowledge/new/a leaf \U0001f600", "knowledge/history/velmora"}
    assert changes.deleted == {DAYS, ISLAND}
    assert changes.changed == set()


def test_what_main_got_meanwhile_is_no_change_of_a_branch(repository: Any) -> None:
    repository.git("checkout", "-qb", "contribution")
    repository.write(f"{ISLAND}/qna.yaml", "mine")
    head = repository.commit()
    repository.git("checkout", "-q", "main")
    repository.write(f"{DAYS}/qna.yaml", "theirs")
    changes = changed_leaves(repository.path, repository.commit(), head)
    assert (changes.added, changes.changed, changes.deleted) == (set(), {ISLAND}, set())


def test_a_repository_without_a_taxonomy_has_no_leaves(repository: Any) -> None:
    repository.git("rm", "-rq", "taxonomy")
    assert read_tree_at(repository.path, repository.commit()).all() == []


@pytest.mark.parametrize("revision", ["nowhere", "--help", "HEAD:taxonomy", "f" * 40, ""])
def test_a_revision_that_is_no_commit(repository: Any, revision: str) -> None:
    with pytest.raises(UserError, match="there is no commit"):
        resolve(repository.path, revision)


def test_a_folder_that_is_not_there(repository: Any) -> None:
    with pytest.raises(UserError, match="there is no such folder"):
        load_tree(repository.path / "nowhere")


def test_a_taxonomy_that_is_a_link_is_not_followed(repository: Any) -> None:
    (repository.path / "linked").symlink_to("/etc")
    with pytest.raises(UserError, match="this is a symbolic link"):
        load_tree(repository.path / "linked")
