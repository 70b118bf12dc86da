"""Exams with retrieval: asked with passages, marked as without, and asked once."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.core.durations import latest
from bot.core.errors import UserError
from bot.core.store import Store
from bot.evaluate.exams import ExamItem
from bot.inference.models import Model
from bot.inference.retrieval import FILE as IN_RELEASE
from bot.pipeline.passages import FILE, taxonomy_passages
from bot.pipeline.retrieval import open_shelf, retrieval_results, shelf_of
from tests import ROOT
from tests.helpers.leaves import PASSAGE, knowledge, skill

RECIPE = load_recipe(ROOT / "arborist.yaml")
BASE, TUNED = Model(Path("base"), "base"), Model(Path("tuned"), "tuned")
LEAVES = [knowledge(), skill(), knowledge(path="knowledge/own_examples", exam=())]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The models and requests; the base answers what the passages say, the tuned model always the same."""
    requests: list[tuple[str, str]] = []

    def answers(model: Path, items: Sequence[ExamItem], _: Any) -> list[str]:
        requests.extend((model.name, item.request) for item in items)
        if model.name == "tuned":
            return ["Petra Osgood."] * len(items)
        return [item.request.partition("Question: ")[0] for item in items]

    monkeypatch.setattr("bot.evaluate.examine.answers_of", answers)
    return requests


def test_each_knowledge_leaf_has_four_results(store: Store, asked: list[tuple[str, str]]) -> None:
    entry = taxonomy_passages(LEAVES, RECIPE, store)
    results = retrieval_results(BASE, TUNED, LEAVES, entry, RECIPE, store)
    assert results == {
        "knowledge/clocks/corvane": {
            "base_alone": {"right": 0, "asked": 1},
            "base": {"right": 1, "asked": 1},
            "tuned": {"right": 1, "asked": 1},
        },
        # Marked by the words that an answer adds to the question, and not to the passages.
        "knowledge/own_examples": {
            "base_alone": {"right": 0, "asked": 3},
            "base": {"right": 3, "asked": 3},
            "tuned": {"right": 1, "asked": 3},
        },
    }
    with_passages = [request for _, request in asked if request.startswith("Answer the question from")]
    assert len(with_passages) == 8
    assert all(PASSAGE in request for request in with_passages)
    before = list(asked)
    assert retrieval_results(BASE, TUNED, LEAVES, entry, RECIPE, store) == results
    assert asked == before
    [took] = [run for run in latest(store) if run.what == "retrieval"]
    assert (took.amount, took.leaves) == (8, 3), "what is asked again is not measured again"


def test_without_passages_there_are_no_results(store: Store, asked: list[tuple[str, str]]) -> None:
    assert retrieval_results(BASE, TUNED, LEAVES, None, RECIPE, store) == {}
    assert asked == []


def test_a_release_brings_its_own_passages(store: Store, tmp_path: Path) -> None:
    entry = taxonomy_passages([knowledge()], RECIPE, store)
    assert entry is not None
    (tmp_path / IN_RELEASE).parent.mkdir()
    (tmp_path / IN_RELEASE).write_bytes(entry.read_bytes(FILE))
    [found, *_] = shelf_of(tmp_path, Path("/nowhere"), RECIPE, store).find("Who made the clock?", 1)
    assert found.place == "corvane.md#1"


def test_for_a_model_without_passages_the_documents_of_the_taxonomy_are_searched(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [found] = shelf_of(tmp_path, ROOT, RECIPE, store).find("Which crop does Velmora sell abroad?", 1)
    assert found.document == "velmora.md"
    assert "the model has no passages: searching the documents of the taxonomy" in capsys.readouterr().err


def test_another_encoder_is_named(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = taxonomy_passages([knowledge()], RECIPE, store)
    assert entry is not None

    class Other:
        name, revision = "org/encoder@v1", "f" * 40

    monkeypatch.setattr("bot.inference.encoder.open_encoder", lambda _: Other())
    other = replace(RECIPE, retrieval=replace(RECIPE.retrieval, encoder="org/encoder@v1"))
    with pytest.raises(
        UserError, match=r"of the encoder 'embedded' .* is 'org/encoder@v1' .* in the recipe$"
    ):
        open_shelf(entry.checked_file(FILE), other)
