"""`arborist verify` of a release on the Hub, by its tag."""

from pathlib import Path

import pytest

from bot.release.hub import publish
from bot.release.manifest import MANIFEST
from bot.release.signature import UNSIGNED, Signer
from tests.helpers.local_hub import RunningHub, free_port
from tests.helpers.signed_release import FILES, MODEL, WEIGHTS, manifest, write_model
from tests.helpers.verified_copies import Arborist, Releases


def test_a_release_on_the_hub_is_verified_under_its_own_tag_only(
    arborist: Arborist, local_hub: RunningHub, releases: Releases, tmp_path: Path
) -> None:
    model, own = write_model(tmp_path / "model"), ("--key", releases.key.public)
    for tag in ("v2024.11.01.1", "v2024.11.01.2"):
        publish(MODEL, model, FILES, manifest(tag), Signer({}, releases.key.pem))
    assert arborist(f"{MODEL}@v2024.11.01.1", *own).code == 0
    assert arborist(f"{MODEL}@v2024.11.01.2", *own).code == 0
    api = local_hub.api()
    newest = {tag.name: tag.target_commit for tag in api.list_repo_refs(MODEL).tags}["v2024.11.01.2"]
    api.delete_tag(MODEL, tag="v2024.11.01.1")
    api.create_tag(MODEL, tag="v2024.11.01.1", revision=newest)
    told = arborist(f"{MODEL}@v2024.11.01.1", *own)
    assert told.failed() == {"manifest"}
    assert "manifest.json is of lab/model@v2024.11.01.2, not of lab/model@v2024.11.01.1" in told.line(
        "manifest"
    )


def test_a_commit_on_the_hub_that_somebody_moved_the_tag_to_fails(
    arborist: Arborist, local_hub: RunningHub, releases: Releases, tmp_path: Path
) -> None:
    signer = Signer({}, releases.key.pem)
    publish(MODEL, write_model(tmp_path / "model"), FILES, manifest(), signer)
    api = local_hub.api()
    changed = bytes([WEIGHTS[0] ^ 1]) + WEIGHTS[1:]
    api.upload_file(path_or_fileobj=changed, path_in_repo="model.safetensors", repo_id=MODEL)
    api.upload_file(path_or_fileobj=b"[" * 100_000, path_in_repo=MANIFEST, repo_id=MODEL)
    api.delete_tag(MODEL, tag="v2024.11.01.1")
    api.create_tag(MODEL, tag="v2024.11.01.1")
    told = arborist(f"{MODEL}@v2024.11.01.1", "--key", releases.key.public)
    assert told.failed() == {"signature", "files", "manifest"}
    assert f"changed: {MANIFEST}, model.safetensors;" in told.line("files")


def test_a_release_that_is_not_on_the_hub_is_one_line(
    arborist: Arborist, local_hub: RunningHub, tmp_path: Path
) -> None:
    told = arborist(f"{MODEL}@v2024.11.01.1", "--unsigned")
    assert (
        "lab/model has no release v2024.11.01.1; there is no release that can be read from here" in told.err
    )
    stated = manifest(signature=dict(UNSIGNED))
    publish(MODEL, write_model(tmp_path / "model"), FILES, stated)
    told = arborist(f"{MODEL}@v2024.11.03.1", "--unsigned")
    assert (told.code, told.out) == (2, [])
    assert "lab/model has no release v2024.11.03.1; there is v2024.11.01.1\n" in told.err
    told = arborist("lab/--model@v2024.11.01.1", "--unsigned")
    assert told.code == 2
    assert "lab/--model@v2024.11.01.1: not a name on the Hub: " in told.err
    assert arborist(f"{MODEL}@v2024.11.01.1", "--unsigned").code == 0


def test_a_hub_that_is_not_there_is_one_line(arborist: Arborist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    told = arborist(f"{MODEL}@v2024.11.01.1", "--unsigned")
    assert told.code == 2
    assert "fetching lab/model v2024.11.01.1: the Hub at http://127.0.0.1:" in told.err
    assert told.err.count("\n") == 1
