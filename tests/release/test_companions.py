"""Companions of a release on the Hub: published before the model, bound to it, verified and rolled back."""

import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from pyarrow import parquet

from bot.core.errors import UserError
from bot.release.collection import join_in_collection
from bot.release.companions import Companion, publish_companion
from bot.release.hub import latest_release, publish
from bot.release.hub_repository import HubRepository
from bot.release.rollback import roll_back
from bot.release.signature import UNSIGNED
from tests.helpers.companions import SAMPLES, samples_companion
from tests.helpers.local_hub import RunningHub
from tests.helpers.signed_release import FILES, MODEL, manifest, write_model
from tests.helpers.verified_copies import Arborist, flip

V1, V2, V3 = (f"v2024.11.01.{number}" for number in (1, 2, 3))
ALL = {".gitattributes", "README.md", "release.json", "data/knowledge.parquet", "data/skills.parquet"}


def stated(number: int, **changes: Any) -> dict[str, Any]:
    return manifest(f"v2024.11.01.{number}", signature=dict(UNSIGNED), **changes)


def companion(tmp_path: Path, number: int, **changes: Any) -> Companion:
    return samples_companion(tmp_path / "store", stated(number, **changes), number)


def release(tmp_path: Path, number: int) -> None:
    model = tmp_path / "model"
    if not model.exists():
        write_model(model)
    (model / "model.safetensors").write_bytes(str(number).encode() * 100_000)
    publish(MODEL, model, FILES, stated(number), companions=[companion(tmp_path, number)])


def refs(api: HfApi, name: str = SAMPLES.name) -> dict[str, str]:
    """Tags and branches -> commits of the data set."""
    found = api.list_repo_refs(name, repo_type="dataset")
    return {one.name: one.target_commit for one in (*found.tags, *found.branches)}


def ids(hub: RunningHub, revision: str, folder: Path) -> list[str]:
    """The IDs of the rows, as somebody gets them who downloads the data set."""
    options = {"repo_type": "dataset", "revision": revision, "cache_dir": folder}
    place = Path(hub.api().snapshot_download(SAMPLES.name, **options))
    files = sorted((place / "data").iterdir())
    return [row["id"] for file in files for row in parquet.read_table(file).to_pylist()]


def test_it_is_published_with_the_models_tag_and_the_manifest_has_its_commit_and_digests(
    local_hub: RunningHub, tmp_path: Path
) -> None:
    release(tmp_path, 1)
    released = latest_release(MODEL)
    assert released is not None
    [found] = released.manifest["companions"]
    api = local_hub.api()
    assert set(api.list_repo_files(SAMPLES.name, repo_type="dataset", revision=V1)) == ALL
    assert found["commit"] == refs(api)[V1] == refs(api)["main"]
    assert set(found["files"]) == ALL - {".gitattributes"}
    assert len(api.list_repo_commits(SAMPLES.name, repo_type="dataset")) == 2


def test_files_of_others_stay_and_those_of_the_release_before_go(
    local_hub: RunningHub, tmp_path: Path
) -> None:
    api = local_hub.api()
    release(tmp_path, 1)
    added = [CommitOperationAdd("notes.md", b"ours")]
    api.create_commit(SAMPLES.name, added, repo_type="dataset", commit_message="Notes")
    second = companion(tmp_path, 2)
    fewer = {name: one for name, one in second.stated["files"].items() if "skills" not in name}
    publish(
        MODEL,
        tmp_path / "model",
        FILES,
        stated(2),
        companions=[
            Companion(
                {**second.stated, "files": fewer}, {name: second.data[name] for name in fewer}, second.card
            )
        ],
    )
    names = set(api.list_repo_files(SAMPLES.name, repo_type="dataset"))
    assert names == {*ALL, "notes.md"} - {"data/skills.parquet"}


def test_a_tag_without_a_release_of_the_model_is_moved(local_hub: RunningHub, tmp_path: Path) -> None:
    """A run that was killed before the model's commit, after which the taxonomy changed."""
    publish_companion(companion(tmp_path, 1), stated(1))
    old = refs(local_hub.api())[V1]
    second = samples_companion(tmp_path / "store", stated(1), 2)
    publish(MODEL, write_model(tmp_path / "model"), FILES, stated(1), companions=[second])
    released = latest_release(MODEL)
    assert released is not None
    assert refs(local_hub.api())[V1] == released.manifest["companions"][0]["commit"] != old


def test_the_data_set_of_another_model_is_left_alone(local_hub: RunningHub, tmp_path: Path) -> None:
    release(tmp_path, 1)
    before = refs(local_hub.api())
    with pytest.raises(UserError) as refused:
        publish_companion(companion(tmp_path, 1), stated(1, repository="lab/other"))
    assert str(refused.value) == (
        f"publishing datasets/lab/model-samples {V1}: this repository belongs to the releases of lab/model; "
        "name another one in `release.samples` of arborist.yaml"
    )
    assert refs(local_hub.api()) == before


def test_who_may_not_write_is_told_which_repository(
    local_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_hub.api().create_repo(SAMPLES.name, repo_type="dataset")
    monkeypatch.setenv("HF_TOKEN", "hf_reader")
    wanted = rf"^publishing datasets/lab/model-samples {V1}: the Hub at .* answered 403; set HF_TOKEN"
    with pytest.raises(UserError, match=wanted):
        publish_companion(companion(tmp_path, 1), stated(1))


def test_rollback_brings_it_back_by_references_and_one_collection_joins_all_releases(
    local_hub: RunningHub, tmp_path: Path
) -> None:
    release(tmp_path, 1)
    release(tmp_path, 2)
    local_hub.api().create_branch(SAMPLES.name, repo_type="dataset", branch="stable", revision=V2)
    before = local_hub.stored_bytes()
    roll_back(MODEL, V1)
    assert local_hub.stored_bytes() == before
    rows = {name: ids(local_hub, name, tmp_path / "seen") for name in (V1, V2, "main", "stable")}
    assert rows["main"] == rows["stable"] == rows[V1] != rows[V2]
    commits = refs(local_hub.api())
    roll_back(MODEL, V1)
    assert refs(local_hub.api()) == commits
    release(tmp_path, 3)
    assert ids(local_hub, "main", tmp_path / "seen3") == ids(local_hub, V3, tmp_path / "seen")
    [collection] = local_hub.api(token=False).list_collections(owner="lab")
    assert collection.title == "model"
    assert [(item.item_type, item.item_id) for item in collection.items] == [
        ("model", MODEL),
        ("dataset", SAMPLES.name),
    ]


def test_verify_compares_it_and_names_the_repository_and_the_file(
    arborist: Arborist, local_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "copies"))
    release(tmp_path, 1)
    told = arborist(f"{MODEL}@{V1}", "--unsigned")
    commit = refs(local_hub.api())[V1]
    where = f"datasets/lab/model-samples at {commit[:7]}"
    assert told.code == 0
    assert told.line("samples") == f"✔ samples: {where}: 4 files have the digests of the manifest"

    folder = next((tmp_path / "copies").glob("datasets--*/snapshots/*"))
    for name in ("data/knowledge.parquet", "README.md", "release.json"):
        flip(folder / name)
        told = arborist(f"{MODEL}@{V1}", "--unsigned")
        assert (told.code, told.failed()) == (1, {"samples"})
        assert told.line("samples").startswith(f"✘ samples: {where}: changed: {name}; ")
        flip(folder / name)
    assert arborist(f"{MODEL}@{V1}", "--unsigned").code == 0

    model = next((tmp_path / "copies").glob("models--*/snapshots/*"))
    told = arborist(model, "--unsigned")
    assert told.code == 0
    assert f"the companions of the release are not checked; `arborist verify lab/model@{V1}` also" in told.err
    flip(model / "README.md")
    assert arborist(f"{MODEL}@{V1}", "--unsigned").failed() == {"files"}


def test_verify_finds_a_tag_that_was_moved_and_a_repository_that_is_gone(
    arborist: Arborist, local_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(tmp_path, 1)
    api = local_hub.api()
    api.delete_tag(SAMPLES.name, repo_type="dataset", tag=V1)
    told = arborist(f"{MODEL}@{V1}", "--unsigned")
    assert (told.code, told.failed()) == (1, {"samples"})
    assert f"the Hub shows no tag {V1}: it was deleted" in told.line("samples")
    added = [CommitOperationAdd("run.py", b"import os")]
    head = api.create_commit(SAMPLES.name, added, repo_type="dataset", commit_message="Code").oid
    api.create_tag(SAMPLES.name, repo_type="dataset", tag=V1, revision=head)
    assert f"the tag {V1} is at {head[:7]}: somebody moved it" in arborist(
        f"{MODEL}@{V1}", "--unsigned"
    ).line("samples")
    api.delete_repo(SAMPLES.name, repo_type="dataset")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty"))
    told = arborist(f"{MODEL}@{V1}", "--unsigned")
    assert "the Hub shows no such commit: it was deleted" in told.line("samples")


def test_a_collection_that_may_not_be_made_is_a_line(
    local_hub: RunningHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_reader")
    join_in_collection(MODEL, [SAMPLES])
    [line] = [one for one in capsys.readouterr().err.splitlines() if "collection" in one]
    assert line.endswith(
        f"the release is complete, but the collection model was not updated: the Hub at {local_hub.url} "
        "answered 403; whoever may write for lab can add lab/model and datasets/lab/model-samples to it"
    )


def test_the_resource_of_a_data_set_has_its_type() -> None:
    assert [one.resource for one in (HubRepository(MODEL), SAMPLES)] == [
        "lab/model",
        "datasets/lab/model-samples",
    ]


def test_beside_a_private_model_it_is_private(local_hub: RunningHub, tmp_path: Path) -> None:
    local_hub.api().create_repo(MODEL, private=True)
    release(tmp_path, 1)
    assert local_hub.api().dataset_info(SAMPLES.name).private


def test_a_rollback_changes_no_repository_that_does_not_have_the_release(
    local_hub: RunningHub, tmp_path: Path
) -> None:
    release(tmp_path, 1)
    api = local_hub.api()
    head = api.create_repo("lab/other", repo_type="dataset") and api.dataset_info("lab/other").sha
    changed = latest_release(MODEL)
    assert changed is not None
    [stated_companion] = changed.manifest["companions"]
    other = {**stated_companion, "repository": "lab/other", "commit": head}
    forged = json.dumps({**changed.manifest, "release": V2, "companions": [other]}).encode()
    commit = api.create_commit(MODEL, [CommitOperationAdd("manifest.json", forged)], commit_message="Forge")
    api.create_tag(MODEL, tag=V2, revision=commit.oid)
    with pytest.raises(UserError, match=f"does not belong to {MODEL} {V2}: .*; nothing was changed"):
        roll_back(MODEL, V2)
    assert api.dataset_info("lab/other").sha == head


def test_a_companion_that_an_unfinished_run_left_gets_the_tag_of_the_release_back(
    local_hub: RunningHub, tmp_path: Path
) -> None:
    release(tmp_path, 1)
    ours = refs(local_hub.api())[V1]
    publish_companion(companion(tmp_path, 9, release=V1), stated(9, release=V1))
    assert refs(local_hub.api())[V1] != ours
    release(tmp_path, 1)
    assert refs(local_hub.api())[V1] == ours
