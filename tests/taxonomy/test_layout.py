"""Where a taxonomy is in its repository: in a folder, or in the root as in InstructLab's tree."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import UserError
from bot.taxonomy.changes import changed_leaves, deleted_leaves, tree_id
from bot.taxonomy.layout import Layout, find_layout
from bot.taxonomy.tree import read_tree, read_tree_at

PLACES = ["taxonomy", ".", "data/our taxonomy".replace(" ", "_"), "a/b/c"]
ISLAND = "knowledge/geography/islands/velmora"
DAYS = "foundational_skills/reasoning/temporal_reasoning/days_of_the_week"


def moved(repository: Any, place: str) -> Layout:
    """The repository's taxonomy in another folder, beside files that look like leaves and are none."""
    layout = Layout.of(place)
    if place != "taxonomy":
        (repository.path / layout.folder).mkdir(parents=True, exist_ok=True)
        for folder in sorted(repository.root.iterdir()):
            if folder.is_dir():
                shutil.move(folder, repository.path / layout.folder / folder.name)
        shutil.rmtree(repository.root)
    (repository.path / "docs/example").mkdir(parents=True)
    (repository.path / "docs/example/qna.yaml").write_text("no leaf: an example for readers\n")
    repository.commit()
    return layout


@pytest.mark.parametrize("place", PLACES)
def test_the_leaves_are_the_same_wherever_the_taxonomy_is(repository: Any, place: str) -> None:
    before = read_tree(Layout().on_disk(repository.path)).all()
    layout = moved(repository, place)
    assert read_tree(layout.on_disk(repository.path)).all() == before
    assert read_tree_at(repository.path, "HEAD", layout=layout).all() == before
    assert read_tree_at(repository.path, "HEAD", {ISLAND}, layout=layout).all() == [
        leaf for leaf in before if leaf.path == ISLAND
    ]


@pytest.mark.parametrize("place", PLACES)
def test_what_changes_is_seen_there_and_only_there(repository: Any, place: str) -> None:
    layout = moved(repository, place)
    base, tree = repository.git("rev-parse", "HEAD"), tree_id(repository.path, "HEAD", layout)
    (repository.path / "docs/example/qna.yaml").write_text("another example\n")
    (repository.path / "arborist.yaml").write_text("version: 1\n")
    repository.commit()
    assert tree_id(repository.path, "HEAD", layout) == tree
    assert not changed_leaves(repository.path, base, "HEAD", layout).changed
    (repository.path / layout.folder / ISLAND / "qna.yaml").write_text("something else")
    repository.git("rm", "-rq", f"{layout.prefix}{DAYS}")
    head = repository.commit()
    changes = changed_leaves(repository.path, base, head, layout)
    assert (changes.added, changes.changed, changes.deleted) == (set(), {ISLAND}, {DAYS})
    assert changes.same == 3
    assert deleted_leaves(repository.path, base, head, layout) == {DAYS}
    assert tree_id(repository.path, head, layout) not in ("", tree)


@pytest.mark.parametrize("place", PLACES)
def test_a_broken_leaf_is_named_by_its_path_in_the_repository(repository: Any, place: str) -> None:
    layout = moved(repository, place)
    (repository.path / layout.folder / ISLAND / "qna.yaml").write_text("version: 3\nversion: 3\n")
    [broken] = read_tree(layout.on_disk(repository.path)).broken
    assert broken.reason.startswith(f"{layout.prefix}{ISLAND}/qna.yaml:1:1: ")
    repository.commit()
    assert read_tree_at(repository.path, "HEAD", layout=layout).broken == (broken,)


@pytest.mark.parametrize("place", PLACES)
def test_a_leaf_is_named_with_or_without_the_folder(place: str) -> None:
    layout = Layout.of(place)
    for named in (ISLAND, f"{layout.prefix}{ISLAND}", f" `{layout.prefix}{ISLAND}/` ", f"/{ISLAND}"):
        assert layout.leaf(named) == ISLAND


def test_a_folder_that_only_begins_like_the_taxonomys_is_none_of_it() -> None:
    assert Layout().holds("taxonomy/knowledge/x/qna.yaml")
    assert not Layout().holds("taxonomy-old/knowledge/x/qna.yaml")
    assert Layout("").holds("knowledge/x/qna.yaml")
    assert not Layout("").holds("knowledge.md")
    assert not Layout("").holds("docs/knowledge/x/qna.yaml")


@pytest.mark.parametrize(
    ("folders", "place"),
    [
        (["taxonomy"], "taxonomy"),
        (["knowledge", "compositional_skills", "docs"], "."),
        (["foundational_skills"], "."),
        (["taxonomy", "knowledge"], "taxonomy"),
        (["docs"], "taxonomy"),
        ([], "taxonomy"),
    ],
)
def test_without_a_recipe_the_folders_tell_the_layout(tmp_path: Path, folders: list[str], place: str) -> None:
    for name in folders:
        (tmp_path / name).mkdir()
    assert find_layout(tmp_path).name == place


@pytest.mark.parametrize("link", ["a", "a/b"])
def test_a_link_on_the_way_is_not_followed(tmp_path: Path, link: str) -> None:
    outside = tmp_path / "outside"
    (outside / "b/knowledge/x").mkdir(parents=True)
    checkout = tmp_path / "checkout"
    (checkout / link).parent.mkdir(parents=True)
    (checkout / link).symlink_to(outside if link == "a" else outside / "b")
    with pytest.raises(UserError, match="a/b: this is a symbolic link"):
        Layout("a/b").on_disk(checkout)


def test_a_link_instead_of_a_top_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere/x").mkdir(parents=True)
    (tmp_path / "elsewhere/x/qna.yaml").write_text("version: 3\n")
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout/knowledge").symlink_to(tmp_path / "elsewhere")
    assert not read_tree(Layout("").on_disk(tmp_path / "checkout")).broken
