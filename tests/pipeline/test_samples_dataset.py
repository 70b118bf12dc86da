"""The data set of samples: a row for each sample that a phase learns, with its origin and its licences."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from bot.config.load import load_recipe
from bot.core.sample import Sample
from bot.core.store import Entry, Store
from bot.pipeline.origin import Origin, Quarantined
from bot.pipeline.samples_dataset import SCHEMA, Described, samples_dataset
from bot.taxonomy.fetch import Access
from bot.taxonomy.leaf import DocumentSource, Work
from tests import ROOT
from tests.helpers.companions import LEAVES, ORIGIN, mixture, sample, samples_entry

RECIPE = load_recipe(ROOT / "arborist.yaml")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def rows(entry: Entry, phase: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = parquet.read_table(entry.checked_file(f"data/{phase}.parquet")).to_pylist()
    return found


def test_a_row_is_a_sample_as_it_is_learnt_with_all_that_it_comes_from(store: Store) -> None:
    leaf = replace(LEAVES[0], attribution=(Work("Lights", "a.md", "CC-BY-4.0", "Petra Osgood"),))
    entry = samples_entry(store, leaves=(leaf, LEAVES[1]))
    first = rows(entry, "knowledge")[0]
    assert first == {
        "id": sample(leaf.path, 1).id,
        "phase": "knowledge",
        "leaf": leaf.path,
        "kind": "asked",
        "messages": [
            {"role": "user", "content": f"What of {leaf.path}, number 1?"},
            {"role": "assistant", "content": "It is 1."},
        ],
        "context": "Passage 1.",
        "source": "a.md#1",
        "language": "en",
        "contributor": leaf.created_by,
        "commit": ORIGIN.commit,
        "teacher": "HuggingFaceTB/SmolLM2-135M-Instruct",
        "teacher_revision": first["teacher_revision"],
        "licence": "CC-BY-4.0",
        "attribution": [
            {"title": "Lights", "link": "a.md", "licence": "CC-BY-4.0", "creators": "Petra Osgood"}
        ],
    }
    assert first["teacher_revision"]
    assert list(first) == SCHEMA.names


def test_all_that_is_learnt_is_there_and_counted(store: Store) -> None:
    entry = samples_entry(store)
    assert {len(rows(entry, phase)) for phase in ("knowledge", "skills")} == {2}
    assert entry.facts["rows"] == {
        "knowledge": {LEAVES[0].path: 2},
        "skills": {LEAVES[1].path: 1, "": 1},
    }
    [general] = [row for row in rows(entry, "skills") if not row["leaf"]]
    assert (general["kind"], general["teacher"], general["licence"], general["commit"]) == (
        "general",
        "",
        "",
        "",
    )
    assert general["attribution"] == []


def test_leaves_with_private_documents_have_no_rows(store: Store) -> None:
    hidden = replace(LEAVES[0], source=DocumentSource("https://example.org/docs", "a" * 40, ("a.md",)))
    passages = replace(sample(LEAVES[1].path, 3), kind="retrieval")
    contrast = replace(sample("", 4, "general"), source=f"contrast of {hidden.path}")
    mixed = (
        mixture("knowledge", [sample(hidden.path, 1)]),
        mixture("skills", [sample(hidden.path, 2), sample(LEAVES[1].path, 2), passages, contrast]),
    )
    place = ("https://example.org/docs",)
    for access in (Access(private=place), Access(trusted=place)):
        recipe = replace(RECIPE, documents=access)
        entry = samples_dataset(mixed, (hidden, LEAVES[1]), recipe, store, ORIGIN)
        assert rows(entry, "knowledge") == []
        assert [row["leaf"] for row in rows(entry, "skills")] == [LEAVES[1].path]
        assert entry.facts["rows"] == {"knowledge": {}, "skills": {LEAVES[1].path: 1}}
        assert entry.facts["private"] == [hidden.path]


def test_more_rows_than_fit_into_a_group_stay_in_their_order(store: Store) -> None:
    many = [sample(LEAVES[0].path, number) for number in range(2_500)]
    mixed = (mixture("knowledge", many), mixture("skills", []))
    entry = samples_dataset(mixed, LEAVES, RECIPE, store, ORIGIN)
    assert [row["id"] for row in rows(entry, "knowledge")] == [one.id for one in many]
    assert set(entry.files) == {"data/knowledge.parquet"}  # a phase without samples has no file


def test_hostile_text_is_kept_as_it_is(store: Store) -> None:
    text = "---\nlicense: mit\n---\n| x | <img src=x> `![](http://a)` \x00\u202e \U0001f600"
    odd = Sample(LEAVES[0].path, "asked", (("user", text), ("assistant", text)), text, text)
    mixed = (mixture("knowledge", [odd]), mixture("skills", []))
    [row] = rows(samples_dataset(mixed, LEAVES, RECIPE, store, ORIGIN), "knowledge")
    assert (row["context"], row["source"], row["messages"][1]["content"]) == (text, text, text)


def test_it_is_made_anew_only_if_what_it_has_changes(store: Store) -> None:
    first = samples_entry(store)
    assert samples_entry(store).key == first.key
    assert samples_entry(store, 2).key != first.key
    other = replace(LEAVES[0], attribution=(Work(licence="MIT"),))
    assert samples_entry(store, leaves=(other, LEAVES[1])).key != first.key


def test_a_quarantined_leaf_has_the_commit_as_of_which_it_was_read(store: Store) -> None:
    origin = Origin("lab/taxonomy", "b" * 40, quarantined=(Quarantined(LEAVES[0].path, "gone", "c" * 40),))
    mixed = (mixture("knowledge", [sample(LEAVES[0].path, 1)]), mixture("skills", []))
    [row] = rows(samples_dataset(mixed, LEAVES, RECIPE, store, origin), "knowledge")
    assert row["commit"] == "c" * 40


@pytest.mark.parametrize(
    ("licences", "stated"),
    [
        ([], ""),
        (["MIT"], "MIT"),
        (["MIT", "MIT", ""], "MIT"),
        (["MIT OR Apache-2.0"], "MIT OR Apache-2.0"),
        (["CC-BY-4.0", "MIT OR Apache-2.0"], "CC-BY-4.0 AND (MIT OR Apache-2.0)"),
    ],
)
def test_the_licences_of_several_works_are_one_expression(licences: list[str], stated: str) -> None:
    assert Described(attribution=[Work(licence=one) for one in licences]).licence == stated
