"""Publishing is killed, refused and cut off at any moment: main is always a whole release, and no release is
there twice."""

import hashlib
import json
import os
import signal
import time
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from typing import Any

import pytest
from huggingface_hub import hf_hub_download

from bot.core.errors import UserError
from bot.core.stored_file import StoredFile
from bot.release.companions import Companion
from bot.release.hub import publish
from bot.release.statement import STATEMENT, subjects
from bot.release.tags import order
from tests.helpers.companions import SAMPLES
from tests.helpers.faulty_hub import LATE_S, FaultyHub
from tests.helpers.local_hub import RunningHub, free_port, running
from tests.helpers.signed_release import FILES, MODEL, manifest, write_model
from tests.helpers.stored_files import stored_file

KILLS = 20
FAULTY_RELEASES = 8
TRIES = 40
SHARD = 3_000_000


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", "hf_maintainer")
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)


def tag(number: int) -> str:
    return f"v2024.11.01.{number}"


def release(number: int) -> dict[str, Any]:
    """The manifest of the release with a number."""
    return manifest(tag(number), key=hashlib.sha256(str(number).encode()).hexdigest())


def files(folder: Path, number: int) -> dict[str, bytes | StoredFile]:
    """The files of the release with a number beside the model's small ones; its weights are in a store."""
    weights = hashlib.shake_256(str(number).encode()).digest(3_000_000)
    return {**FILES, "model.safetensors": stored_file(folder, "model.safetensors", weights)}


def data_set(folder: Path, number: int) -> Companion:
    """The companion of a release, whose rows nobody reads here."""
    rows = hashlib.shake_256(f"rows {number}".encode()).digest(200_000)
    stored = stored_file(folder, "skills.parquet", rows)
    files = {stored.name: stored.sha256}
    stated = {"kind": "samples", "repository": SAMPLES.name, "files": files, "facts": {"rows": {}}}
    return Companion(stated, {stored.name: stored}, f"# Samples of {tag(number)}\n")


def whole(hub: RunningHub, folder: Path) -> int:
    """The number of the release on main; 0 for none. All files are there as its statement says, and those of
    the data set as its manifest says."""
    api = hub.api()
    if not api.repo_exists(MODEL) or STATEMENT not in api.list_repo_files(MODEL):
        return 0
    head = api.model_info(MODEL).sha

    def content(name: str) -> bytes:
        path = hf_hub_download(MODEL, name, revision=head, endpoint=hub.url, cache_dir=folder)
        return Path(path).read_bytes()

    statement = json.loads(content(STATEMENT))
    for name, digest in subjects(statement).items():
        assert hashlib.sha256(content(name)).hexdigest() == digest, name
    [stated] = statement["predicate"]["companions"]
    options = {"repo_type": "dataset", "revision": stated["commit"], "endpoint": hub.url, "cache_dir": folder}
    for name, digest in stated["files"].items():
        path = Path(hf_hub_download(SAMPLES.name, name, **options))
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest, name
    return order(statement["predicate"]["release"])[-1]


def released(hub: RunningHub) -> list[str]:
    """The tags, the oldest first; each has one commit, and one more created the repository. So it is for the
    data set."""
    api = hub.api()
    tags = []
    for name, kind in ((MODEL, "model"), (SAMPLES.name, SAMPLES.type)):
        tags.append({tag.name for tag in api.list_repo_refs(name, repo_type=kind).tags})
        assert len(api.list_repo_commits(name, repo_type=kind)) == 1 + len(tags[-1])
    assert tags[0] == tags[1]
    return sorted(tags[0], key=order)


def _publish(environment: dict[str, str], folder: Path, number: int) -> None:
    """What the process does that is killed."""
    os.environ.update(environment)
    publish_release(folder, number)


def publish_release(folder: Path, number: int) -> None:
    """Publish the release with a number from a folder with the model and the stores."""
    weights, rows = files(folder / "weights", number), data_set(folder / "rows", number)
    publish(MODEL, folder / "model", weights, release(number), companions=[rows])


def test_killed_at_any_moment_main_is_whole_and_the_next_run_completes_it(
    local_hub: RunningHub, tmp_path: Path
) -> None:
    context = get_context("forkserver")
    context.set_forkserver_preload(["bot.release.hub"])
    write_model(tmp_path / "model")
    names = ("HF_ENDPOINT", "HF_TOKEN", "ARBORIST_CACHE")
    environment = {name: os.environ[name] for name in names}

    def started(number: int) -> ForkServerProcess:
        process = context.Process(target=_publish, args=(environment, tmp_path, number))
        process.start()
        return process

    started(1).join()
    start = time.monotonic()
    started(2).join()
    duration = time.monotonic() - start
    assert released(local_hub) == [tag(1), tag(2)]

    moments, killed, number = Random(26), 0, 2
    while killed < KILLS:
        number += 1
        start = time.monotonic()
        process = started(number)
        process.join(moments.uniform(0, duration))
        process.kill()
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
        if process.exitcode:
            killed += 1
        else:
            # It ended before it was to be killed, so a release takes less time by now than `duration`.
            duration = time.monotonic() - start
        assert whole(local_hub, tmp_path / "seen") in (number - 1, number)
        publish_release(tmp_path, number)
        assert whole(local_hub, tmp_path / "seen") == number
    assert released(local_hub) == [tag(one) for one in range(1, number + 1)]


def test_with_a_faulty_hub_each_release_is_there_once_and_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By Git LFS: Xet's client waits long before it tries again. The other tests here use Xet.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("bot.core.hub_address.SILENCE_S", LATE_S // 2)
    faulty: list[FaultyHub] = []

    def around(app: Any) -> FaultyHub:
        faulty.append(FaultyHub(app, seed=26, share=0.3))
        return faulty[0]

    with running(tmp_path / "hub", free_port(), around) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        write_model(tmp_path / "model")
        failed = 0
        for number in range(1, 1 + FAULTY_RELEASES):
            for _ in range(TRIES):
                try:
                    publish_release(tmp_path, number)
                    break
                except UserError as error:
                    failed += 1
                    starts = tuple(f"publishing {one} {tag(number)}: " for one in (MODEL, SAMPLES.resource))
                    assert str(error).startswith(starts)
                    assert "\n" not in str(error)
                assert whole(hub, tmp_path / "seen") in (number - 1, number)
            assert whole(hub, tmp_path / "seen") == number
        assert faulty[0].faults > FAULTY_RELEASES
        assert faulty[0].late > 0
        assert failed > 0
        assert released(hub) == [tag(number) for number in range(1, 1 + FAULTY_RELEASES)]


def test_of_two_publishers_one_wins_and_the_other_does_not_double_it(
    local_hub: RunningHub, tmp_path: Path
) -> None:
    context = get_context("forkserver")
    write_model(tmp_path / "model")
    names = ("HF_ENDPOINT", "HF_TOKEN", "ARBORIST_CACHE")
    environment = {name: os.environ[name] for name in names}
    for number in range(1, 4):
        both = [context.Process(target=_publish, args=(environment, tmp_path, number)) for _ in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
        assert 0 in {one.exitcode for one in both}
        assert whole(local_hub, tmp_path / "seen") == number
    assert released(local_hub) == [tag(1), tag(2), tag(3)]


def test_it_needs_disk_for_one_large_file_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    used: list[int] = []

    def around(app: Any) -> Any:
        async def measured(scope: Any, receive: Any, send: Any) -> None:
            used.append(sum(one.stat().st_size for one in scratch.rglob("*") if one.is_file()))
            await app(scope, receive, send)

        return measured

    shards = {
        f"model-{number}.safetensors": stored_file(
            "memory://large", f"model-{number}.safetensors", Random(number).randbytes(SHARD)
        )
        for number in range(5)
    }
    write_model(tmp_path / "model")
    (tmp_path / "model/model.safetensors").unlink()
    with running(tmp_path / "hub", free_port(), around) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        publish(MODEL, tmp_path / "model", {**FILES, **shards}, release(1))
        assert SHARD < max(used) < 1.5 * SHARD
        for name, shard in shards.items():
            path = Path(hf_hub_download(MODEL, name, endpoint=hub.url, cache_dir=tmp_path / "seen"))
            assert hashlib.sha256(path.read_bytes()).hexdigest() == shard.sha256
    assert list(scratch.iterdir()) == []
