"""No release loses a leaf that no commit deleted, and none comes of an empty taxonomy."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config.load import load_recipe
from bot.core.errors import UserError
from bot.core.store import Store
from bot.github.reconcile import decide, retrain_and_tell
from bot.pipeline.release_inputs import release_inputs
from bot.release.hub import latest_release, publish
from bot.taxonomy.files import GitError
from bot.taxonomy.tree import leaf_paths, read_tree_at
from tests import ROOT
from tests.helpers.local_hub import free_port, running
from tests.helpers.repository import Repository

MODEL = "lab/model"
KNOWLEDGE = "knowledge/geography/islands/velmora"


@pytest.fixture
def released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """A taxonomy whose leaves are all in the release v2024.11.01.1."""
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", "hf_maintainer")
    for name in ("GITHUB_REPOSITORY", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    repository = Repository(tmp_path / "repository")
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    with running(tmp_path / "hub", free_port()) as serving:
        monkeypatch.setenv("HF_ENDPOINT", serving.url)
        manifest = {
            "key": "a" * 64,
            "release": "v2024.11.01.1",
            "leaves": [{"path": path} for path in leaf_paths(repository.root)],
            "taxonomy": {"repository": "lab/taxonomy", "commit": repository.git("rev-parse", "HEAD")},
        }
        publish(MODEL, tmp_path / "model", {}, manifest)
        yield repository


def retrain(repository: Repository, tmp_path: Path) -> Any:
    recipe = load_recipe(ROOT / "arborist.yaml")
    recipe = replace(recipe, release=replace(recipe.release, repository=MODEL))
    return retrain_and_tell(repository.path, recipe, Store(str(tmp_path / "store")))


def test_a_leaf_that_no_commit_deleted_stops_the_release_by_its_name(
    released: Repository, tmp_path: Path
) -> None:
    """main was rewritten: the leaf was never there."""
    released.git("rm", "-rq", f"taxonomy/{KNOWLEDGE}")
    released.git("commit", "-q", "--amend", "-m", "no such leaf")
    with pytest.raises(
        UserError, match=f"{KNOWLEDGE} of v2024.11.01.1 is not in the taxonomy at .*no commit since"
    ):
        retrain(released, tmp_path)
    assert latest_release(MODEL).tag == "v2024.11.01.1"  # type: ignore[union-attr]


@pytest.mark.parametrize("way", ["deleted", "moved", "deleted by a merge"])
def test_a_leaf_that_a_commit_deleted_stops_nothing(released: Repository, tmp_path: Path, way: str) -> None:
    from bot.github.main_state import check_losses

    if way == "moved":
        released.git("mv", f"taxonomy/{KNOWLEDGE}", "taxonomy/knowledge/geography/velmora")
    else:
        if way == "deleted by a merge":
            released.git("checkout", "-qb", "topic")
        released.git("rm", "-rq", f"taxonomy/{KNOWLEDGE}")
    released.git("commit", "-qam", way)
    if way == "deleted by a merge":
        released.git("checkout", "-q", "main")
        released.git("commit", "-q", "--allow-empty", "-m", "something else")
        released.git("merge", "-q", "--no-ff", "--no-edit", "topic")
    head, release = released.git("rev-parse", "HEAD"), latest_release(MODEL)
    assert release is not None
    check_losses(released.path, head, set(leaf_paths(released.root)), release)


def test_an_empty_taxonomy_is_never_released(released: Repository, tmp_path: Path) -> None:
    released.git("rm", "-rq", "taxonomy")
    released.git("commit", "-qm", "all of it")
    with pytest.raises(
        UserError, match=r"has no leaves, so v2024.11.01.1 of lab/model stays: an empty taxonomy is never"
    ):
        retrain(released, tmp_path)
    assert latest_release(MODEL).tag == "v2024.11.01.1"  # type: ignore[union-attr]


def test_where_nothing_is_released_an_empty_taxonomy_is_nothing_to_do(
    released: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = load_recipe(ROOT / "arborist.yaml")
    recipe = replace(recipe, release=replace(recipe.release, repository="lab/other"))
    released.git("rm", "-rq", "taxonomy")
    released.git("commit", "-qm", "all of it")
    assert retrain_and_tell(released.path, recipe, Store(str(tmp_path / "store"))) == (None, None)
    assert latest_release("lab/other") is None
    assert "nothing to do: the taxonomy has no leaves" in capsys.readouterr().err


def test_a_git_that_fails_is_no_empty_taxonomy(released: Repository, tmp_path: Path) -> None:
    tree = released.git("rev-parse", "HEAD:taxonomy/knowledge")
    (released.path / ".git/objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(GitError, match="git ls-tree: "):
        retrain(released, tmp_path)
    assert latest_release(MODEL).tag == "v2024.11.01.1"  # type: ignore[union-attr]


def break_leaves(repository: Repository, *paths: str) -> None:
    for path in paths:
        repository.write(f"{path}/qna.yaml", "{")
    repository.commit()


def test_a_leaf_that_cannot_be_read_is_no_loss_and_stops_nothing(
    released: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The newest release is what the other leaves ask for, so there is nothing to do."""
    break_leaves(released, KNOWLEDGE)
    others = read_tree_at(released.path, "HEAD").leaves
    recipe = load_recipe(ROOT / "arborist.yaml")
    recipe = replace(recipe, release=replace(recipe.release, repository=MODEL))
    before = latest_release(MODEL)
    assert before is not None
    manifest = {**before.manifest, "release": "v2024.11.01.2", "key": release_inputs(others, recipe).key}
    publish(MODEL, tmp_path / "model", {}, manifest)
    release, candidate = retrain(released, tmp_path)
    assert (candidate, release.tag) == (None, "v2024.11.01.2")
    said = capsys.readouterr().err
    assert f"quarantined: {KNOWLEDGE}: it is left out: taxonomy/{KNOWLEDGE}/qna.yaml:2:1: " in said


def test_a_leaf_that_is_lost_beside_a_quarantined_one_stops_the_release(
    released: Repository, tmp_path: Path
) -> None:
    lost = "foundational_skills/reasoning/temporal_reasoning/days_of_the_week"
    released.git("rm", "-rq", f"taxonomy/{lost}")
    released.git("commit", "-q", "--amend", "-m", "no such leaf")
    break_leaves(released, KNOWLEDGE)
    with pytest.raises(
        UserError, match=f"nothing is released: {lost} of v2024.11.01.1 is not in the taxonomy"
    ):
        retrain(released, tmp_path)


def test_where_no_leaf_can_be_read_nothing_is_released(released: Repository, tmp_path: Path) -> None:
    break_leaves(released, *leaf_paths(released.root))
    with pytest.raises(UserError, match="no leaf can be read") as caught:
        retrain(released, tmp_path)
    assert all(path in str(caught.value) for path in leaf_paths(released.root))
    assert latest_release(MODEL).tag == "v2024.11.01.1"  # type: ignore[union-attr]


@pytest.mark.parametrize("broken", [False, True])
def test_a_hosted_job_decides_without_a_store_that_it_cannot_see(
    released: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    if broken:
        (released.path / f"taxonomy/{KNOWLEDGE}/qna.yaml").write_text("- not a leaf\n")
        released.git("commit", "-qam", "Break it")
    monkeypatch.setenv("RUNNER_ENVIRONMENT", "github-hosted")
    recipe = load_recipe(ROOT / "arborist.yaml")
    recipe = replace(recipe, release=replace(recipe.release, repository=MODEL))
    assert decide(released.path, recipe, Store(str(tmp_path / "store")))
