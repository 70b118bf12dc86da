"""A leaf that cannot be read stops no other, and its documents are read from the store if need be."""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import UserError
from bot.core.store import Store
from bot.taxonomy.documents import Access
from bot.taxonomy.layout import DEFAULT
from bot.taxonomy.tree import MOST_NAMED, load_tree, read_checkout, read_tree, read_tree_at
from tests.helpers.repository import Repository

ISLAND = "knowledge/geography/islands/velmora"
MINERAL = "knowledge/science/minerals/tessarite"
DAYS = "foundational_skills/reasoning/temporal_reasoning/days_of_the_week"


def syntax(repository: Any) -> str:
    repository.write(f"{ISLAND}/qna.yaml", "{")
    return "qna.yaml:2:1: "


def schema(repository: Any) -> str:
    repository.write(f"{ISLAND}/qna.yaml", "version: 3\ncreated_by: someone\n")
    return "qna.yaml:1:1: the key"


def exam(repository: Any) -> str:
    repository.write(f"{ISLAND}/exam.yaml", "version: 1\nquestions: none\n")
    return "exam.yaml:2:"


def no_document(repository: Any) -> str:
    (repository.root / ISLAND / "velmora.md").unlink()
    return "no file matches the pattern 'velmora.md'"


def linked_document(repository: Any) -> str:
    no_document(repository)
    (repository.root / ISLAND / "velmora.md").symlink_to("/etc/passwd")
    return "is a symbolic link"


def no_https(repository: Any) -> str:
    elsewhere(repository, "http://127.0.0.1/x/y.git")
    return "is not the https URL of a public repository"


def no_public_host(repository: Any) -> str:
    elsewhere(repository, "https://localhost/x/y.git")
    return "is not a public host"


def elsewhere(repository: Any, url: str, commit: str = "f" * 40, path: str = ISLAND) -> None:
    """Name another repository as the source of a leaf's documents."""
    file = repository.root / path / "qna.yaml"
    text = file.read_text()
    start, end = text.index("repo:"), text.index("patterns:")
    file.write_text(f"{text[:start]}repo: {url}\n  commit: {commit}\n  {text[end:]}")


@pytest.mark.parametrize(
    "break_it", [syntax, schema, exam, no_document, linked_document, no_https, no_public_host]
)
def test_the_other_leaves_are_read(repository: Any, break_it: Callable[[Any], str]) -> None:
    reason = break_it(repository)
    tree = read_tree(DEFAULT.on_disk(repository.path))
    assert len(tree.leaves) == 4
    assert ISLAND not in {leaf.path for leaf in tree.leaves}
    [broken] = tree.broken
    assert broken.path == ISLAND
    assert reason in broken.reason and f"taxonomy/{ISLAND}/" in broken.reason
    assert read_tree_at(repository.path, repository.commit()) == tree


def test_whoever_needs_all_leaves_is_told_of_every_broken_one(repository: Any) -> None:
    for path in (ISLAND, DAYS, MINERAL):
        repository.write(f"{path}/qna.yaml", "version: 3\nversion: 3\n")
    with pytest.raises(UserError) as caught:
        load_tree(repository.root)
    lines = str(caught.value).splitlines()
    assert [line.partition("/qna.yaml:1:1: ")[0] for line in lines] == [
        f"taxonomy/{path}" for path in sorted((ISLAND, DAYS, MINERAL))
    ]


def test_the_message_is_short_however_many_leaves_are_broken(repository: Any) -> None:
    for number in range(MOST_NAMED + 30):
        repository.write(f"knowledge/broken/b{number:03}/qna.yaml", "{")
    with pytest.raises(UserError, match="and 30 more leaves") as caught:
        load_tree(repository.root)
    assert len(str(caught.value).splitlines()) == MOST_NAMED + 1


def test_a_taxonomy_whose_leaves_are_all_broken_is_an_error(repository: Any) -> None:
    for file in repository.root.rglob("qna.yaml"):
        file.write_text("{")
    with pytest.raises(UserError, match="no leaf can be read:\ntaxonomy/compositional_skills/"):
        read_checkout(repository.path, DEFAULT, None)


def test_a_command_that_uses_all_leaves_says_which_are_left_out(
    repository: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    syntax(repository)
    assert len(read_checkout(repository.path, DEFAULT, None)) == 4
    assert f"left out: taxonomy/{ISLAND}/qna.yaml:2:1: " in capsys.readouterr().err


@pytest.fixture
def documents(tmp_path: Path) -> Repository:
    """Another repository, with a document."""
    other = Repository(tmp_path / "documents")
    (other.path / "velmora.md").write_text((other.root / ISLAND / "velmora.md").read_text())
    other.commit()
    return other


def read(repository: Any, access: Access, store: Store | None, monkeypatch: Any, machine: Path) -> Any:
    """Read the tree on a machine whose cache is its own."""
    monkeypatch.setenv("ARBORIST_CACHE", str(machine))
    return read_tree_at(repository.path, "HEAD", access=access, store=store)


def test_a_repository_that_is_deleted_later_stops_nothing(
    repository: Any, documents: Repository, tmp_path: Path, monkeypatch: Any
) -> None:
    url, store = f"file://{documents.path}", Store(str(tmp_path / "store"))
    access = Access(trusted=(url,))
    elsewhere(repository, url, documents.git("rev-parse", "HEAD"))
    repository.commit()
    before = read(repository, access, store, monkeypatch, tmp_path / "one")
    assert not before.broken
    shutil.rmtree(documents.path)
    assert read(repository, access, store, monkeypatch, tmp_path / "two") == before
    assert read(repository, access, None, monkeypatch, tmp_path / "two").broken[0].path == ISLAND


@pytest.mark.parametrize("rules", ["no longer trusted", "private by now", "another commit"])
def test_the_store_is_no_way_around_the_rules_for_documents(
    repository: Any, documents: Repository, tmp_path: Path, monkeypatch: Any, rules: str
) -> None:
    url, store = f"file://{documents.path}", Store(str(tmp_path / "store"))
    elsewhere(repository, url, documents.git("rev-parse", "HEAD"))
    repository.commit()
    assert not read(repository, Access(trusted=(url,)), store, monkeypatch, tmp_path / "one").broken
    shutil.rmtree(documents.path)
    access = Access(private=(url,), trusted=(url,)) if rules == "private by now" else Access(trusted=(url,))
    if rules == "another commit":
        elsewhere(repository, url, "e" * 40)
        repository.commit()
    access = Access() if rules == "no longer trusted" else access
    [broken] = read(repository, access, store, monkeypatch, tmp_path / "two").broken
    assert broken.path == ISLAND


def test_documents_of_private_repositories_are_not_copied_to_the_store(
    repository: Any, documents: Repository, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("DOCUMENTS_TOKEN", "a-token")
    url, store = f"file://{documents.path}", Store(str(tmp_path / "store"))
    elsewhere(repository, url, documents.git("rev-parse", "HEAD"))
    repository.commit()
    access = Access(private=(url,), trusted=(url,))
    assert not read(repository, access, store, monkeypatch, tmp_path / "one").broken
    assert store.keys("documents") == frozenset()


def test_a_host_that_is_down_breaks_only_its_leaf(repository: Any, monkeypatch: Any) -> None:
    def down(*_: object) -> list[object]:
        raise socket.gaierror("no such host")

    monkeypatch.setattr("bot.taxonomy.fetch.socket.getaddrinfo", down)
    elsewhere(repository, "https://gone.example/x/y.git")
    tree = read_tree(DEFAULT.on_disk(repository.path))
    assert len(tree.leaves) == 4
    assert "the host 'gone.example' cannot be found; check the URL" in tree.broken[0].reason
