"""`arborist diff`: two releases on the Hub, the store's answers, and one line for each error."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.cli.diff import diff
from bot.core.errors import UserError
from bot.core.package_files import shipped
from bot.core.schema import first_mistake
from bot.core.store import Store, canonical
from bot.release.hub import publish
from tests import ROOT
from tests.helpers.local_hub import free_port, running
from tests.helpers.manifests import leaf_row, manifest

MODEL = "lab/taxonomy-model"
LEAF = "knowledge/islands/oru"
FIRST, SECOND = "1" * 64, "2" * 64
"""The keys of both models' answers to the exam of LEAF."""


@dataclass(frozen=True)
class Released:
    """Two releases on a Hub, and a recipe with a store."""

    recipe: Path
    store: Store


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Hub with two releases."""
    folder = tmp_path_factory.mktemp("hub")
    (folder / "model").mkdir()
    (folder / "model/config.json").write_text("{}")
    with running(folder / "hub", free_port()) as serving, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_ENDPOINT", serving.url)
        patch.setenv("HF_TOKEN", "hf_maintainer")
        patch.setenv("ARBORIST_CACHE", str(folder / "cache"))
        for number, (key, right) in enumerate(((FIRST, 5), (SECOND, 4)), 1):
            row = leaf_row(LEAF, 5, right, key=str(number) * 64)
            row["exam"]["answers"] = key
            made = manifest(
                row,
                release=f"v2024.11.01.{number}",
                previous="v2024.11.01.1" if number == 2 else None,
                key=key,
                repository=MODEL,
            )
            publish(MODEL, folder / "model", {}, made)
        yield serving.url


@pytest.fixture
def released(hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Released:
    monkeypatch.setenv("HF_ENDPOINT", hub)
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ARBORIST_STORE", raising=False)
    shipped_recipe = (ROOT / "arborist.yaml").read_text()
    (tmp_path / "arborist.yaml").write_text(f"{shipped_recipe}\nstore: {tmp_path / 'store'}\n")
    return Released(tmp_path / "arborist.yaml", Store(str(tmp_path / "store")))


def put(store: Store, key: str, *right: bool) -> None:
    answers = [
        {"question": f"Question {number}?", "answer": f"{number} {one}", "right": one}
        for number, one in enumerate(right)
    ]
    store.put("exam", key, {}, {"answers.json": canonical(answers).encode()})


def as_json(released: Released, capsys: pytest.CaptureFixture[str], model: str = "") -> Any:
    capsys.readouterr()
    diff("v2024.11.01.1", "v2024.11.01.2", model=model, recipe=released.recipe, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert first_mistake(found, shipped("schemas/diff.json")) is None
    return found


def test_it_compares_the_answers_in_the_store(released: Released, capsys: pytest.CaptureFixture[str]) -> None:
    put(released.store, FIRST, True, True, False)
    put(released.store, SECOND, True, False, False)
    found = as_json(released, capsys)
    assert [(leaf["path"], leaf["change"]) for leaf in found["leaves"]] == [(LEAF, "changed")]
    assert found["lost"] == [
        {"kind": "exam", "leaf": LEAF, "question": "Question 1?", "before": "1 True", "after": "1 False"}
    ]
    assert found["unknown"] == 2


def test_without_answers_it_compares_the_manifests(
    released: Released, capsys: pytest.CaptureFixture[str]
) -> None:
    found = as_json(released, capsys)
    assert (found["lost"], found["unknown"]) == ([], 3)
    assert found["leaves"][0]["exam"]["pairs"]["lost"] == 1


def test_a_model_can_be_named_where_there_is_no_recipe(
    released: Released, capsys: pytest.CaptureFixture[str]
) -> None:
    released.recipe.unlink()
    assert as_json(released, capsys, MODEL)["repository"] == MODEL


def test_a_store_that_cannot_be_reached_is_told_and_the_manifests_are_compared(
    released: Released, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.helpers.locked_store import LOCKED

    monkeypatch.setenv("ARBORIST_STORE", LOCKED)
    diff("v2024.11.01.1", "v2024.11.01.2", recipe=released.recipe, as_json=True)
    told = capsys.readouterr()
    assert "the answers of v2024.11.01.1 are not compared: store locked" in told.err
    assert json.loads(told.out)["unknown"] == 3


def test_it_prints_a_table(released: Released, capsys: pytest.CaptureFixture[str]) -> None:
    diff("v2024.11.01.1", "v2024.11.01.2", recipe=released.recipe)
    told = capsys.readouterr().out
    assert "general questions: 60 of 71 -> 59 of 71" in told
    assert "4 of 5" in told


@pytest.mark.parametrize(
    ("tags", "model", "message"),
    [
        (
            ("v2024.11.01.1", "v2024.11.09.1"),
            "",
            f"{MODEL} has no release v2024.11.09.1; its newest is v2024.11.01.2",
        ),
        (("first", "v2024.11.01.2"), "", f"{MODEL} has no release first; its newest is v2024.11.01.2"),
        (
            ("v2024.11.01.1", "v2024.11.01.2"),
            "lab/nothing",
            "lab/nothing has no release v2024.11.01.1; it has none",
        ),
        (
            ("v2024.11.01.1", "v2024.11.01.2"),
            "a b",
            "--model a b: this is no name of a repository on the Hub; write org/name",
        ),
    ],
)
def test_an_error_is_one_line(released: Released, tags: tuple[str, str], model: str, message: str) -> None:
    with pytest.raises(UserError) as told:
        diff(*tags, model=model, recipe=released.recipe)
    assert str(told.value) == message


def test_without_a_recipe_a_model_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="file not found; run in a folder"):
        diff("v2024.11.01.1", "v2024.11.01.2", recipe=tmp_path / "arborist.yaml")
