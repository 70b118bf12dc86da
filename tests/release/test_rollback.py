"""A rollback: main is an earlier release again, without any upload, and no retraining undoes it."""

import time
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd

from bot.core.errors import UserError
from bot.release.hub import latest_release, publish
from bot.release.rollback import roll_back
from tests.helpers.local_hub import RunningHub
from tests.helpers.signed_release import FILES, MODEL, manifest, write_model


@pytest.fixture(autouse=True)
def _two_releases(local_hub: RunningHub, tmp_path: Path) -> None:
    """Two releases, of different weights; each has one file that the other one lacks."""
    model = write_model(tmp_path / "model")
    publish(MODEL, model, {**FILES, "old.png": b"old"}, manifest("v2024.11.01.1"))
    (model / "model.safetensors").write_bytes(b"other weights" * 100_000)
    publish(MODEL, model, {**FILES, "new.png": b"new"}, manifest("v2024.11.01.2"))


def contents(hub: RunningHub, revision: str, folder: Path) -> dict[str, bytes]:
    """All files at a revision, as a user of the model gets them."""
    place = Path(hub.api().snapshot_download(MODEL, revision=revision, cache_dir=folder))
    return {
        path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()
    }


def test_main_is_the_earlier_release_file_by_file_and_nothing_was_uploaded(
    local_hub: RunningHub, tmp_path: Path
) -> None:
    before, start = local_hub.stored_bytes(), time.monotonic()
    made = roll_back(MODEL, "v2024.11.01.1")
    assert time.monotonic() - start < 10
    assert (made.tag, local_hub.stored_bytes()) == ("v2024.11.01.1", before)
    assert contents(local_hub, "main", tmp_path / "a") == contents(local_hub, "v2024.11.01.1", tmp_path / "b")


def test_files_of_others_and_the_tags_stay(local_hub: RunningHub) -> None:
    api = local_hub.api()
    added = [CommitOperationAdd(".eval_results/mmlu.yaml", b"- value: 41\n")]
    api.create_commit(MODEL, added, commit_message="Results")
    roll_back(MODEL, "v2024.11.01.1")
    names = set(api.list_repo_files(MODEL))
    assert {".eval_results/mmlu.yaml", "old.png"} <= names
    assert "new.png" not in names
    assert sorted(tag.name for tag in api.list_repo_refs(MODEL).tags) == ["v2024.11.01.1", "v2024.11.01.2"]


def test_again_it_does_nothing(local_hub: RunningHub, capsys: pytest.CaptureFixture[str]) -> None:
    roll_back(MODEL, "v2024.11.01.1")
    commits = len(local_hub.api().list_repo_commits(MODEL))
    roll_back(MODEL, "v2024.11.01.1")
    assert len(local_hub.api().list_repo_commits(MODEL)) == commits
    assert "nothing to do" in capsys.readouterr().err


def test_it_moves_stable_if_there_is_one(local_hub: RunningHub, tmp_path: Path) -> None:
    def branches() -> dict[str, str]:
        return {one.name: one.target_commit for one in local_hub.api().list_repo_refs(MODEL).branches}

    roll_back(MODEL, "v2024.11.01.1")
    assert set(branches()) == {"main"}
    local_hub.api().create_branch(MODEL, branch="stable", revision="v2024.11.01.2")
    for tag in ("v2024.11.01.1", "v2024.11.01.2"):
        roll_back(MODEL, tag)
        stated = contents(local_hub, tag, tmp_path / tag)
        assert contents(local_hub, "stable", tmp_path / f"stable {tag}") == stated
        assert contents(local_hub, "main", tmp_path / f"main {tag}") == stated


def test_what_is_released_is_still_the_newest_tag_so_that_retraining_has_nothing_to_do(
    local_hub: RunningHub,
) -> None:
    roll_back(MODEL, "v2024.11.01.1")
    newest = latest_release(MODEL)
    assert newest is not None
    assert (newest.tag, newest.manifest["key"]) == ("v2024.11.01.2", manifest("v2024.11.01.2")["key"])


def test_the_next_release_comes_on_top_and_is_whole(local_hub: RunningHub, tmp_path: Path) -> None:
    """Even if it is of the same content as the release that main was rolled back to."""
    roll_back(MODEL, "v2024.11.01.1")
    publish(MODEL, tmp_path / "model", FILES, manifest("v2024.11.01.1", release="v2024.11.03.1"))
    stated = contents(local_hub, "v2024.11.03.1", tmp_path / "c")
    assert b'"release": "v2024.11.03.1"' in stated["manifest.json"]
    assert contents(local_hub, "main", tmp_path / "d") == stated
    assert "old.png" not in stated


def test_a_release_that_is_not_there_is_one_line(local_hub: RunningHub) -> None:
    with pytest.raises(
        UserError, match=rf"^{MODEL} has no release v2024.11.09.1; its page on the Hub lists the tags$"
    ):
        roll_back(MODEL, "v2024.11.09.1")


def test_who_may_not_write_is_told_so(local_hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_reader")
    with pytest.raises(UserError, match=r"rolling back .* answered 403; set HF_TOKEN to a token with write"):
        roll_back(MODEL, "v2024.11.01.1")
