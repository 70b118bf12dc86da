"""The passages of a taxonomy: as the generator cuts documents, and embedded once."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bot.config.load import load_recipe
from bot.config.recipe import Recipe
from bot.core.store import Entry, Store
from bot.generate.passages import passages_of
from bot.generate.pipeline_files import pipeline_named
from bot.inference.encoder import encoder_revision, open_encoder
from bot.inference.passages import encoder_of, read_passages
from bot.pipeline.passages import FILE, taxonomy_passages
from bot.taxonomy.fetch import Access
from bot.taxonomy.leaf import Document, DocumentSource, Leaf, Work
from tests import ROOT
from tests.helpers.leaves import PASSAGE, knowledge, skill

RECIPE = load_recipe(ROOT / "arborist.yaml")
SOURCE = DocumentSource("https://example.org/docs/clocks", "e" * 40, ("*.md",))
SECOND = Document("second.md", "# Bells\n\nThe bell is called Old Tom.\n\nIt rings at noon.\n")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def made(leaves: Sequence[Leaf], store: Store, recipe: Recipe = RECIPE) -> Entry:
    entry = taxonomy_passages(leaves, recipe, store)
    assert entry is not None
    return entry


def table(entry: Entry) -> pa.Table:
    return read_passages(entry.checked_file(FILE))


def test_passages_are_those_of_the_generator_with_their_place(store: Store) -> None:
    works = (Work("A", licence="MIT"), Work("B", licence="CC0-1.0 OR MIT"), Work("C", licence="MIT"))
    leaf = knowledge(attribution=works)
    leaf = replace(leaf, documents=(*leaf.documents, SECOND))
    found = table(made([leaf, skill()], store))
    rows = found.drop_columns(["vector", "revision"]).to_pylist()
    places = [(row["leaf"], row["document"], row["position"], row["passage"]) for row in rows]
    assert places == [
        (leaf.path, "corvane.md", 1, PASSAGE),
        (leaf.path, "second.md", 1, "The bell is called Old Tom."),
        (leaf.path, "second.md", 2, "It rings at noon."),
    ]
    assert {row["licence"] for row in rows} == {"MIT AND (CC0-1.0 OR MIT)"}
    pipeline = pipeline_named("knowledge", RECIPE.generate.pipeline, RECIPE.teacher.model)
    assert [text for one in leaf.documents for text in passages_of(one, pipeline)] == [p[3] for p in places]
    assert encoder_of(found) == ("embedded", encoder_revision("embedded"))


def test_the_revision_is_the_commit_of_another_repository(store: Store) -> None:
    own, other = knowledge(), knowledge(path="knowledge/other", source=SOURCE)
    revisions = table(made([own, other], store)).column("revision").to_pylist()
    assert len(revisions[0]) == 64
    assert revisions[1] == SOURCE.commit


def test_a_document_is_embedded_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither another leaf nor another licence embeds it again, and a changed document is embedded alone."""
    embedded: list[str] = []

    class Counting:
        def passages(self, texts: Sequence[str]) -> Any:
            embedded.extend(texts)
            return open_encoder("embedded").passages(texts)

    monkeypatch.setattr("bot.pipeline.passages.open_encoder", lambda _: Counting())
    first = knowledge()
    made([first], store)
    made([replace(first, path="knowledge/moved", attribution=(Work(licence="MIT"),))], store)
    assert embedded == [PASSAGE]
    made([replace(first, documents=(*first.documents, SECOND))], store)
    assert embedded == [PASSAGE, "The bell is called Old Tom.", "It rings at noon."]


def test_documents_of_private_repositories_are_left_out(store: Store) -> None:
    private = replace(RECIPE, documents=Access(private=("https://example.org/docs",)))
    own, other = knowledge(), knowledge(path="knowledge/other", source=SOURCE)
    assert table(made([own, other], store, private)).column("leaf").to_pylist() == [own.path]


@pytest.mark.parametrize("leaves", [[], [skill()], [knowledge(documents=(Document("a.md", "# A\n"),))]])
def test_without_a_passage_there_is_no_file(store: Store, leaves: list[Leaf]) -> None:
    assert taxonomy_passages(leaves, RECIPE, store) is None
