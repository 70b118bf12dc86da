"""Large files, through Xet and through LFS: they arrive whole, once, and survive a restart."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from huggingface_hub import CommitOperationAdd, HfApi, snapshot_download

from tests.helpers.local_hub import RunningHub, free_port, noise, running

MEGABYTE = 1_000_000
PUSH = """
import sys
from huggingface_hub import CommitOperationAdd, HfApi
repository, path, name = sys.argv[1:]
api = HfApi()
api.create_repo(repository, exist_ok=True)
print(api.create_commit(repository, [CommitOperationAdd(name, path)], commit_message="Push").oid)
"""
PULL = """
import hashlib, sys
from pathlib import Path
from huggingface_hub import hf_hub_download
print(hashlib.sha256(Path(hf_hub_download(*sys.argv[1:])).read_bytes()).hexdigest())
"""


def push(api: HfApi, files: dict[str, bytes], repository: str = "lab/model") -> str:
    api.create_repo(repository, exist_ok=True)
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    return str(api.create_commit(repository, operations, commit_message="Push").oid)


def fetch(hub: RunningHub, path: str, **headers: str) -> httpx.Response:
    """As a browser or curl would, without any client."""
    return httpx.get(f"{hub.url}/lab/model/resolve/main/{path}", headers=headers)


def snapshot(hub: RunningHub, cache: Path, **options: str) -> Path:
    found = snapshot_download(
        "lab/model", endpoint=hub.url, token="hf_maintainer", cache_dir=cache, **options
    )
    return Path(found)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def weights(size: int) -> bytes:
    """Like a model's: of four bytes each, some vary little, so that Xet groups and compresses them."""
    return b"".join(noise(2, seed) + b"\x12\x3f" for seed in range(2000)) * (size // 8000) + b"end"


@pytest.mark.parametrize(
    "content",
    [noise(6 * MEGABYTE), weights(3 * MEGABYTE), b"text that repeats\n" * 90_000 + b"\0", noise(1)],
    ids=["incompressible", "weights", "repetitive", "one byte"],
)
def test_through_xet_and_back(hub: RunningHub, api: HfApi, tmp_path: Path, content: bytes) -> None:
    commit = push(api, {"model.safetensors": content, "config.json": b"{}", "empty.txt": b""})
    api.create_tag("lab/model", tag="v1")
    found = snapshot(hub, tmp_path / "fresh", revision="v1")
    assert found.name == commit
    assert sha256((found / "model.safetensors").read_bytes()) == sha256(content)
    assert (found / "config.json").read_bytes() == b"{}"
    assert (found / "empty.txt").read_bytes() == b""
    assert fetch(hub, "model.safetensors").content == content
    (listed,) = api.get_paths_info("lab/model", "model.safetensors")
    assert listed.xet_hash is not None
    assert listed.lfs.sha256 == sha256(content)


def test_through_lfs_and_back(run_python: Callable[..., str], hub: RunningHub, tmp_path: Path) -> None:
    content = noise(40 * MEGABYTE)  # so large that it is sent in parts
    (tmp_path / "large").write_bytes(content)
    (tmp_path / "small").write_bytes(content[:50_000])
    for name in ("large", "small"):
        script = ("lab/model", str(tmp_path / name), f"{name}.bin")
        run_python(PUSH, *script, HF_HUB_DISABLE_XET="1")
    pulled = run_python(PULL, "lab/model", "large.bin", HF_HUB_DISABLE_XET="1")
    assert pulled.strip() == sha256(content)
    found = snapshot(hub, tmp_path / "fresh")  # by a client that has Xet
    assert (found / "large.bin").read_bytes() == content
    assert (found / "small.bin").read_bytes() == content[:50_000]
    assert list((hub.root / "incoming").iterdir()) == []


def test_what_came_through_xet_is_read_without_it(api: HfApi, run_python: Callable[..., str]) -> None:
    content = weights(2 * MEGABYTE)
    push(api, {"model.safetensors": content})
    pulled = run_python(PULL, "lab/model", "model.safetensors", HF_HUB_DISABLE_XET="1")
    assert pulled.strip() == sha256(content)


def test_the_same_content_is_stored_once(
    hub: RunningHub, api: HfApi, run_python: Callable[..., str], tmp_path: Path
) -> None:
    content = noise(3 * MEGABYTE)
    (tmp_path / "file").write_bytes(content)
    run_python(PUSH, "lab/first", str(tmp_path / "file"), "a.bin", HF_HUB_DISABLE_XET="1")
    push(api, {"b.bin": content, "c.bin": content}, "lab/second")
    run_python(PUSH, "lab/third", str(tmp_path / "file"), "d.bin", HF_HUB_DISABLE_XET="1")
    run_python(PUSH, "lab/third", str(tmp_path / "file"), "e.bin")
    assert hub.stored_bytes() < 1.02 * len(content)
    path = api.hf_hub_download("lab/first", "a.bin")
    assert Path(path).read_bytes() == content


def test_a_changed_file_costs_only_its_change(hub: RunningHub, api: HfApi) -> None:
    content = noise(4 * MEGABYTE)
    push(api, {"model.safetensors": content})
    before = hub.stored_bytes()
    changed = content[: 2 * MEGABYTE] + b"something new" + content[2 * MEGABYTE :]
    push(api, {"model.safetensors": changed})
    assert hub.stored_bytes() - before < MEGABYTE
    assert fetch(hub, "model.safetensors").content == changed


def test_ranges(hub: RunningHub, api: HfApi) -> None:
    large, plain = noise(1_500_000), b"a line of text\n" * 100_000
    push(api, {"large.bin": large, "plain.txt": plain})
    wanted = {
        "bytes=0-0": (0, 1),
        "bytes=65536-1200000": (65536, 1200001),
        "bytes=1499000-": (1499000, 1500000),
        "bytes=-5": (1499995, 1500000),
        "bytes=1400000-99999999": (1400000, 1500000),
    }
    for path, content in (("large.bin", large), ("plain.txt", plain)):
        for header, (start, end) in wanted.items():
            answer = fetch(hub, path, Range=header)
            assert answer.status_code == 206
            assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/1500000"
            assert answer.content == content[start:end]


def test_a_range_behind_the_end(hub: RunningHub, api: HfApi) -> None:
    push(api, {"a.bin": noise(100)})
    answer = fetch(hub, "a.bin", Range="bytes=100-")
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */100")


def test_an_unchanged_file_is_not_sent_again(hub: RunningHub, api: HfApi) -> None:
    push(api, {"a.txt": b"text"})
    etag = fetch(hub, "a.txt").headers["etag"]
    assert fetch(hub, "a.txt", **{"If-None-Match": etag}).status_code == 304


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    port = free_port()
    content = noise(2 * MEGABYTE)
    with running(tmp_path / "hub", port) as hub:
        commit = push(hub.api(), {"model.safetensors": content, "a.txt": b"text"})
        hub.api().create_tag("lab/model", tag="v1")
    with running(tmp_path / "hub", port) as hub:
        assert hub.api().model_info("lab/model", revision="v1").sha == commit
        found = snapshot(hub, tmp_path / "fresh", revision="v1")
        assert (found / "model.safetensors").read_bytes() == content
        push(hub.api(), {"more.bin": content + b"more"})
        assert fetch(hub, "more.bin").content == content + b"more"


def test_a_new_hub_on_an_old_port_gets_the_content_again(tmp_path: Path) -> None:
    """The client remembers what it sent where; a wiped store must not be taken for the one before."""
    port = free_port()
    content = noise(2 * MEGABYTE, seed=7)
    for life in ("first", "second"):
        with running(tmp_path / life, port) as hub:
            push(hub.api(), {"model.safetensors": content})
            assert fetch(hub, "model.safetensors").content == content


class TestWhatIsNotWhatItSays:
    """A Hub that stored it would hand out something else than was released."""

    @pytest.fixture
    def xet(self, hub: RunningHub, api: HfApi) -> tuple[str, dict[str, str]]:
        """The address and the headers with which a client writes through Xet."""
        api.create_repo("lab/model")
        token = {"Authorization": "Bearer hf_maintainer"}
        answer = httpx.get(f"{hub.url}/api/models/lab/model/xet-write-token/main", headers=token).json()
        return answer["casUrl"], {"Authorization": f"Bearer {answer['accessToken']}"}

    def test_a_xorb(self, xet: tuple[str, dict[str, str]]) -> None:
        url, headers = xet
        bodies = {
            b"": "at least one chunk",
            b"\0\5\0\0\0\5\0\0hello": "do not have the hash",
            b"\0\5\0\0\0\5\0\0he": "unpacks to",
            b"\0\x14\0\0\1\5\0\0hello hello hello he": "not an LZ4 frame",
            b"\0\5\0\0\7\5\0\0hello": "compression scheme",
            b"\0\5\0": "within a chunk header",
        }
        for body, why in bodies.items():
            answer = httpx.post(f"{url}/v1/xorbs/default/{'0' * 64}", content=body, headers=headers)
            assert answer.status_code == 400
            assert why in answer.json()["error"]

    def test_a_shard(self, xet: tuple[str, dict[str, str]]) -> None:
        url, headers = xet
        for body in (b"", b"HFRepoMetaData" + bytes(200)):
            assert httpx.post(f"{url}/v1/shards", content=body, headers=headers).status_code == 400

    def test_an_object_sent_through_lfs(self, hub: RunningHub, api: HfApi) -> None:
        api.create_repo("lab/model")
        wanted = {"operation": "upload", "objects": [{"oid": sha256(b"right"), "size": 5}]}
        token = {"Authorization": "Bearer hf_maintainer"}
        batch = f"{hub.url}/lab/model.git/info/lfs/objects/batch"
        action = httpx.post(batch, json=wanted, headers=token).json()["objects"][0]["actions"]["upload"]
        assert httpx.put(action["href"], content=b"wrong").status_code == 400
        assert httpx.put(action["href"] + "0", content=b"right").status_code == 401
        assert httpx.put(action["href"], content=b"right").status_code == 200
        assert "actions" not in httpx.post(batch, json=wanted, headers=token).json()["objects"][0]

    def test_a_commit_of_content_that_never_came(self, hub: RunningHub, api: HfApi) -> None:
        api.create_repo("lab/model")
        value = {"path": "a.bin", "algo": "sha256", "oid": sha256(b"never sent"), "size": 10}
        lines = [{"key": "header", "value": {"summary": "x"}}, {"key": "lfsFile", "value": value}]
        answer = httpx.post(
            f"{hub.url}/api/models/lab/model/commit/main",
            content="\n".join(map(json.dumps, lines)),
            headers={"Authorization": "Bearer hf_maintainer"},
        )
        assert answer.status_code == 400
        assert "was not uploaded before the commit" in answer.json()["error"]
