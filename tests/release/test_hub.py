"""A release on the Hub: one commit, the tag last, and never two for one manifest."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

from bot.errors import UserError
from bot.release import hub
from bot.release.hub import download_release, latest_release, next_tag, publish
from tests.local.hub.conftest import RunningHub, free_port, running

MODEL = "lab/model"


@pytest.fixture
def local_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningHub]:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", "hf_maintainer")
    with running(tmp_path / "hub", free_port()) as serving:
        monkeypatch.setenv("HF_ENDPOINT", serving.url)
        yield serving


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights" * 200_000)
    (folder / "config.json").write_text("{}")
    return folder


def manifest(key: str = "a", tag: str = "v1") -> dict[str, Any]:
    return {"key": key * 64, "release": tag}


def test_nothing_is_released_where_there_is_no_repository(local_hub: RunningHub) -> None:
    assert latest_release(MODEL) is None


def test_a_release_is_found_and_fetched_again(local_hub: RunningHub, model: Path) -> None:
    made = publish(MODEL, model, {"README.md": b"# card"}, manifest())
    found = latest_release(MODEL)
    assert found == made
    assert found.url == f"{local_hub.url}/{MODEL}/tree/v1"
    folder = download_release(found)
    assert (folder / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()
    assert (folder / "README.md").read_text() == "# card"


def test_publishing_the_same_again_changes_nothing(local_hub: RunningHub, model: Path) -> None:
    publish(MODEL, model, {}, manifest())
    commits = len(local_hub.api().list_repo_commits(MODEL))
    publish(MODEL, model, {}, manifest())
    assert len(local_hub.api().list_repo_commits(MODEL)) == commits
    assert [tag.name for tag in local_hub.api().list_repo_refs(MODEL).tags] == ["v1"]


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


def test_what_the_release_before_had_and_this_one_has_not_is_gone(local_hub: RunningHub, model: Path) -> None:
    publish(MODEL, model, {"old.txt": b"old"}, manifest())
    (model / "config.json").write_text('{"new": 1}')
    publish(MODEL, model, {}, manifest("b", "v2"))
    files = set(local_hub.api().list_repo_files(MODEL, revision="v2"))
    assert files - {".gitattributes"} == {"model.safetensors", "config.json", "manifest.json"}
    assert "old.txt" in local_hub.api().list_repo_files(MODEL, revision="v1")


def test_when_somebody_else_commits_meanwhile_nothing_is_published(
    local_hub: RunningHub, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_hub.api().create_repo(MODEL)
    listed = HfApi.list_repo_files

    def and_somebody_commits(self: HfApi, *args: Any, **kwargs: Any) -> list[str]:
        monkeypatch.setattr(HfApi, "list_repo_files", listed)
        local_hub.api().upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=MODEL)
        return listed(self, *args, **kwargs)

    monkeypatch.setattr(hub, "_manifest_at", lambda *_: None)
    monkeypatch.setattr(HfApi, "list_repo_files", and_somebody_commits)
    with pytest.raises(UserError, match="somebody else committed there meanwhile; run again"):
        publish(MODEL, model, {}, manifest())
    assert local_hub.api().list_repo_refs(MODEL).tags == []


def test_a_wrong_token_is_one_line(
    local_hub: RunningHub, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(UserError, match="says 401; set HF_TOKEN to a token that may write there"):
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


def test_tags_are_numbered() -> None:
    release = hub.Release(MODEL, "v9", "c" * 40, {})
    assert (next_tag(None), next_tag(release)) == ("v1", "v10")
