"""A release on the Hub: one commit, the tag last, and never two for one manifest."""

import threading
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_download

from bot.core.errors import UserError
from bot.release import hub
from bot.release.hub import download_release, latest_release, publish
from tests.helpers.local_hub import RunningHub, free_port

MODEL = "lab/model"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights" * 200_000)
    (folder / "config.json").write_text("{}")
    return folder


def manifest(key: str = "a", tag: str = "v2024.11.01.1") -> dict[str, Any]:
    return {"key": key * 64, "release": tag}


def test_nothing_is_released_where_there_is_no_repository(local_hub: RunningHub) -> None:
    assert latest_release(MODEL) is None


def test_a_release_is_found_and_fetched_again(local_hub: RunningHub, model: Path) -> None:
    made = publish(MODEL, model, {"README.md": b"# card"}, manifest())
    found = latest_release(MODEL)
    assert found == made
    assert found.url == f"{local_hub.url}/{MODEL}/tree/v2024.11.01.1"
    folder = download_release(found)
    assert (folder / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()
    assert (folder / "README.md").read_text() == "# card"


def test_publishing_the_same_again_changes_nothing(local_hub: RunningHub, model: Path) -> None:
    publish(MODEL, model, {}, manifest())
    commits = len(local_hub.api().list_repo_commits(MODEL))
    publish(MODEL, model, {}, manifest())
    assert len(local_hub.api().list_repo_commits(MODEL)) == commits
    assert [tag.name for tag in local_hub.api().list_repo_refs(MODEL).tags] == ["v2024.11.01.1"]


def test_a_run_that_was_killed_before_the_tag_is_completed(
    local_hub: RunningHub, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(HfApi, "create_tag", _die)
        with pytest.raises(KeyboardInterrupt):
            publish(MODEL, model, {}, manifest())
    assert latest_release(MODEL) is None
    commits = len(local_hub.api().list_repo_commits(MODEL))

    publish(MODEL, model, {}, manifest())

    assert len(local_hub.api().list_repo_commits(MODEL)) == commits
    assert latest_release(MODEL) is not None


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def files(local_hub: RunningHub, revision: str = "main") -> set[str]:
    """What is in the model repository, besides what the Hub put there when it was created."""
    return set(local_hub.api().list_repo_files(MODEL, revision=revision)) - {".gitattributes"}


OURS = {"model.safetensors", "config.json", "manifest.json", "manifest.intoto.json"}
THEIRS = {".eval_results/mmlu.yaml": b"- value: 41\n", "notes/README.md": b"Of somebody else's"}


def somebody_adds(local_hub: RunningHub, contents: dict[str, bytes]) -> None:
    added = [CommitOperationAdd(name, content) for name, content in contents.items()]
    local_hub.api().create_commit(MODEL, added, commit_message="Results")


def test_a_release_deletes_what_an_earlier_one_wrote_and_nothing_of_others(
    local_hub: RunningHub, model: Path
) -> None:
    shard = model / "model-00002-of-00002.safetensors"
    shard.write_bytes(b"more weights" * 100)
    first = publish(MODEL, model, {"old.txt": b"old"}, manifest())
    assert set(first.manifest["files"]) == {*OURS, "old.txt", shard.name}
    somebody_adds(local_hub, THEIRS)

    shard.unlink()
    second = publish(MODEL, model, {}, manifest("b", "v2024.11.01.2"))

    assert files(local_hub, "v2024.11.01.2") == {*OURS, *THEIRS}
    assert set(second.manifest["files"]) == OURS
    assert {"old.txt", shard.name} <= files(local_hub, "v2024.11.01.1")
    for name, content in THEIRS.items():
        kept = hf_hub_download(MODEL, name, revision="v2024.11.01.2", endpoint=local_hub.url)
        assert Path(kept).read_bytes() == content
    publish(MODEL, model, {}, manifest("c", "v2024.11.03.1"))
    assert files(local_hub) == {*OURS, *THEIRS}


def test_the_first_release_deletes_nothing(local_hub: RunningHub, model: Path) -> None:
    local_hub.api().create_repo(MODEL)
    somebody_adds(local_hub, THEIRS)
    publish(MODEL, model, {}, manifest())
    assert files(local_hub) == {*OURS, *THEIRS}


def test_a_manifest_without_a_list_of_files_makes_nothing_ours(local_hub: RunningHub, model: Path) -> None:
    local_hub.api().create_repo(MODEL)
    somebody_adds(local_hub, {**THEIRS, "manifest.json": b"{}"})
    publish(MODEL, model, {}, manifest())
    assert files(local_hub) == {*OURS, *THEIRS}


def test_where_somebody_removed_the_manifest_the_newest_releases_counts(
    local_hub: RunningHub, model: Path
) -> None:
    publish(MODEL, model, {"old.txt": b"old"}, manifest())
    local_hub.api().delete_file("manifest.json", MODEL)
    publish(MODEL, model, {}, manifest("b", "v2024.11.01.2"))
    assert files(local_hub) == OURS


OLDER = {"config.json": b"{}", "model-00001-of-00002.safetensors": b"weights", "vocab.txt": b"a"}


def test_when_somebody_else_commits_meanwhile_nothing_is_published(
    local_hub: RunningHub, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_hub.api().create_repo(MODEL)
    listed = HfApi.list_repo_refs

    def and_somebody_commits(self: HfApi, *args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(HfApi, "list_repo_refs", listed)
        local_hub.api().upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=MODEL)
        return listed(self, *args, **kwargs)

    monkeypatch.setattr(HfApi, "list_repo_refs", and_somebody_commits)
    with pytest.raises(UserError, match="somebody else committed there at the same time; run again"):
        publish(MODEL, model, {}, manifest())
    assert local_hub.api().list_repo_refs(MODEL).tags == []


def test_a_wrong_token_is_one_line(
    local_hub: RunningHub, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(UserError, match="answered 401; set HF_TOKEN to a token with write access"):
        publish(MODEL, model, {}, manifest())


def test_a_hub_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UserError, match="cannot be reached"):
        latest_release(MODEL)


def test_a_hub_that_never_answers_a_status_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            while True:
                try:
                    listening.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=hang_up, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{listening.getsockname()[1]}")
        with pytest.raises(UserError, match="cannot be reached"):
            latest_release(MODEL)


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b"[]", b"\xff"])
def test_a_manifest_that_somebody_broke_is_one_line(
    local_hub: RunningHub, model: Path, content: bytes
) -> None:
    publish(MODEL, model, {}, manifest())
    api = local_hub.api()
    api.upload_file(path_or_fileobj=content, path_in_repo="manifest.json", repo_id=MODEL)
    api.create_tag(MODEL, tag="v2024.11.01.2")
    with pytest.raises(
        UserError, match=rf"^{MODEL} at \w{{7}}: manifest.json .*; restore the file"
    ) as caught:
        latest_release(MODEL)
    assert "\n" not in str(caught.value)


def test_the_newest_release_has_the_highest_day_and_number(local_hub: RunningHub, model: Path) -> None:
    """The order of the tags is not that of their names, and tags of another form are not releases."""
    for number, tag in enumerate(("v2024.11.01.9", "v2024.11.01.10", "v2023.12.31.11")):
        publish(MODEL, model, {}, manifest(str(number), tag))
    for other in (
        "v1.0",
        "v7",
        "v2026.1.1",
        "v2026.12.01",
        "v2026.12.01.0",
        "v2026.13.01.1",
        "w2026.12.01.1",
    ):
        local_hub.api().create_tag(MODEL, tag=other)
    newest = latest_release(MODEL)
    assert newest is not None
    assert newest.tag == newest.manifest["release"] == "v2024.11.01.10"
    assert hub.release_at(MODEL, "v2023.12.31.11") is not None
    assert hub.release_at(MODEL, "v1.0") is None
