"""A retraining signs what it releases, and `arborist verify` accepts it; no model is trained for this."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot.cli import app
from bot.config.load import load_recipe
from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.core.run_status import read_status
from bot.core.store import Store
from bot.core.version import version
from bot.evaluate.examine import Answer, Examination
from bot.evaluate.exams import ExamItem
from bot.generate.inputs import samples_inputs
from bot.generate.leaf_samples import Funnel, Generated
from bot.github.reconcile import retrain_and_tell
from bot.inference.models import Model
from bot.inference.passages import read_passages
from bot.inference.retrieval import FILE as PASSAGES
from bot.pipeline import retrain as steps
from bot.pipeline.candidate import release_candidate
from bot.pipeline.compare import compare
from bot.pipeline.origin import Origin
from bot.pipeline.train import Taught
from bot.release.hub import Release, download_release
from bot.release.signature import KEY, find_signer
from bot.taxonomy.changes import tree_id
from bot.taxonomy.leaf import Leaf
from bot.taxonomy.tree import read_tree_at
from tests import ROOT
from tests.helpers.companions import mixture, sample
from tests.helpers.local_hub import RunningHub
from tests.helpers.release_key import ReleaseKey, release_key
from tests.helpers.repository import Repository
from tests.helpers.signed_release import MODEL, write_model

BASE = Model(Path("base"), "base")


@pytest.fixture
def taxonomy(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "repository")
    text = (ROOT / "arborist.yaml").read_text().replace("lab/taxonomy-model", MODEL)
    assert "  # samples: " in text
    text = text.replace("  # samples: ", "  samples: ")
    (repository.path / "arborist.yaml").write_text(text)
    repository.commit()
    return repository


@pytest.fixture
def key(local_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReleaseKey:
    """A key that signs what is released on the Hub."""
    made = release_key(tmp_path / "key")
    monkeypatch.setenv(KEY, made.pem)
    return made


def answers(model: Any, leaves: Sequence[Leaf], *_: Any, near: Sequence[Leaf] = ()) -> Examination:
    """Every question is answered right by the new model, and those of the leaves wrong by the base."""
    new = model not in (BASE, None)
    exams = {leaf.path: tuple(Answer(str(one), "x", new) for one in range(10)) for leaf in leaves}
    return Examination("model", exams, tuple(Answer(str(one), "x", True) for one in range(70)))


def from_passages(_: Path, items: Sequence[ExamItem], __: Any) -> list[str]:
    """The answers of a model that repeats what it is asked, and so what passages say."""
    return [item.request for item in items]


@pytest.fixture
def untrained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps that need a model are replaced: nothing is generated, trained or asked."""

    def generated(leaves: Sequence[Leaf], recipe: Recipe, _: Store) -> list[Generated]:
        return [
            Generated(one.path, samples_inputs(one, recipe).key, [], Funnel(0, 0, {}, {})) for one in leaves
        ]

    def taught(_: Any, leaves: Sequence[Leaf], recipe: Recipe, store: Store) -> tuple[Taught, Taught]:
        entry = store.put("train", "c" * 64, {}, folder=write_model(tmp_path / "model"))
        model = Taught(Model(entry.folder(), entry.key), entry)
        return model, model

    mixed = (
        mixture("knowledge", [sample("knowledge/x", 1)], "d" * 64),
        mixture("skills", [], "e" * 64),
    )
    monkeypatch.setattr(steps, "generate_all", generated)
    monkeypatch.setattr(steps, "mixtures", lambda *_: mixed)
    monkeypatch.setattr(steps, "teach_both", taught)
    monkeypatch.setattr(steps, "examine_model", answers)
    monkeypatch.setattr(steps, "base_model", lambda *_: BASE)
    monkeypatch.setattr("bot.evaluate.examine.answers_of", from_passages)
    monkeypatch.setattr(steps, "todays_model", lambda *_: None)
    monkeypatch.setattr(steps, "loss_curves", lambda *_: b"\x89PNG")


def retrain(taxonomy: Repository, tmp_path: Path) -> Release:
    recipe, commit = load_recipe(taxonomy.path / "arborist.yaml"), taxonomy.git("rev-parse", "HEAD")
    leaves = read_tree_at(taxonomy.path, commit).leaves
    origin = Origin("lab/taxonomy", commit, (1,), tree_id(taxonomy.path, commit))
    candidate = steps.make_candidate(
        compare(leaves, recipe), leaves, recipe, Store(str(tmp_path / "store")), origin
    )
    return release_candidate(candidate, recipe, find_signer())


@pytest.mark.usefixtures("untrained")
def test_what_a_retraining_releases_is_verified_down_to_the_leaves(
    taxonomy: Repository,
    key: ReleaseKey,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.release.tags.today", lambda: date(2024, 2, 29))
    release = retrain(taxonomy, tmp_path)
    stated = release.manifest
    assert release.tag == stated["release"] == "v2024.02.29.1"
    assert (stated["version"], stated["signature"]) == (6, {"method": "key"})
    assert stated["gate"]["decision"] == "passed"
    assert stated["tools"]["arborist"] == version()
    assert {"torch", "transformers"} <= stated["tools"].keys()
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        name = f"{MODEL}@{release.tag}"
        app(["verify", name, "--key", str(key.public), "--repository", str(taxonomy.path)])
    told = capsys.readouterr().out
    assert ended.value.code == 0, told
    checks = ["signature", "files", "manifest", "samples", "leaves"]
    assert [line.partition(":")[0] for line in told.splitlines()] == [f"✔ {check}" for check in checks]
    [companion] = stated["companions"]
    assert companion["facts"] == {"rows": {"knowledge": {"knowledge/x": 1}}, "private": []}
    folder = download_release(release)
    card = (folder / "README.md").read_text()
    assert f"arborist verify {name} --key release.pub" in card
    check_passages(release, folder, card)


def check_passages(release: Release, folder: Path, card: str) -> None:
    """The release has its knowledge leaves' passages, and the results with them are in manifest and card."""
    assert PASSAGES in release.manifest["files"]
    rows = {row["path"]: row for row in release.manifest["leaves"]}
    assert set(read_passages(folder / PASSAGES).column("leaf").to_pylist()) == {
        path for path in rows if path.startswith("knowledge/")
    }
    assert {path for path, row in rows.items() if "retrieval" in row} == {
        path for path in rows if path.startswith("knowledge/")
    }
    found = rows["knowledge/geography/islands/velmora"]["retrieval"]
    assert found["base_alone"]["right"] < found["base"]["right"] == found["tuned"]["right"]
    assert f"| `knowledge/geography/islands/velmora` | 12 | {found['base_alone']['right']} | 10 |" in card


@pytest.mark.usefixtures("untrained")
def test_a_key_that_cannot_sign_ends_the_run_before_anything_is_generated(
    taxonomy: Repository, key: ReleaseKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("generated")

    monkeypatch.setenv(KEY, "-----BEGIN PRIVATE KEY-----")
    monkeypatch.setattr(steps, "generate_all", never)
    for name in ("GITHUB_REPOSITORY", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    recipe, store = load_recipe(taxonomy.path / "arborist.yaml"), Store(str(tmp_path / "store"))
    with pytest.raises(UserError, match=r"ARBORIST_RELEASE_KEY: this is not a private key"):
        retrain_and_tell(taxonomy.path, recipe, store)
    status = read_status(store)
    assert status is not None
    assert status.state == "failed"
    assert status.reason.startswith("ARBORIST_RELEASE_KEY: this is not a private key")


@pytest.mark.usefixtures("untrained")
def test_a_retraining_leaves_the_times_of_its_steps_in_its_status(
    taxonomy: Repository, key: ReleaseKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_REPOSITORY", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    recipe, store = load_recipe(taxonomy.path / "arborist.yaml"), Store(str(tmp_path / "store"))
    assert retrain_and_tell(taxonomy.path, recipe, store)[0]
    status = read_status(store)
    assert status is not None
    assert (status.state, status.commit) == ("done", taxonomy.git("rev-parse", "HEAD"))
    assert status.steps is not None
    assert [name for name in status.steps if name.startswith(("examining the", "publishing"))] == [
        "examining the base",
        "examining the new model",
        "publishing",
    ]
    assert retrain_and_tell(taxonomy.path, recipe, store)[0]
    assert read_status(store) == status, "there was nothing to do"


@pytest.mark.usefixtures("untrained")
def test_without_a_way_to_sign_the_release_is_made_and_that_is_said_once(
    taxonomy: Repository,
    key: ReleaseKey,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv(KEY)
    release = retrain(taxonomy, tmp_path)
    assert release.manifest["signature"] == {"method": "none"}
    assert capsys.readouterr().err.count("will not be signed") == 1
    folder = download_release(release)
    assert "This release is not signed." in (folder / "README.md").read_text()
    assert not (folder / "model.sig").exists()
    statement = json.loads((folder / "manifest.intoto.json").read_text())
    assert statement["predicate"] == release.manifest
