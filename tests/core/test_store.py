"""The store: what is there is never made twice, and what is half there is not there."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import UserError
from bot.core.store import Store, StoreError, canonical, key_of
from bot.core.store_files import RECORD, link_or_copy
from tests.helpers.locked_store import LOCKED
from tests.helpers.slow_store import CountedFileSystem

KEY = "a" * 64
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@given(st.dictionaries(st.text(), json_values))
def test_a_key_does_not_depend_on_the_order_in_which_inputs_are_written(inputs: dict[str, object]) -> None:
    backwards = dict(reversed(inputs.items()))
    assert key_of("step", 1, inputs) == key_of("step", 1, backwards)
    assert json.loads(canonical(inputs)) == inputs


def test_a_key_changes_with_the_step_its_version_and_its_inputs() -> None:
    keys = {key_of("a", 1, {}), key_of("b", 1, {}), key_of("a", 2, {}), key_of("a", 1, {"x": 1})}
    assert len(keys) == 4


def test_what_was_put_is_found_again_with_its_inputs(store: Store, tmp_path: Path) -> None:
    (tmp_path / "model" / "sub").mkdir(parents=True)
    (tmp_path / "model" / "sub" / "weights").write_bytes(b"w")
    store.put("train", KEY, {"epochs": 3}, {"metrics.json": b"[]"}, tmp_path / "model")

    entry = Store(store.url).get("train", KEY)

    assert entry is not None
    assert entry.inputs == {"epochs": 3}
    assert entry.read_json("metrics.json") == []
    assert (entry.folder() / "sub" / "weights").read_bytes() == b"w"


def test_an_entry_that_is_there_stays(store: Store) -> None:
    store.put("s", KEY, {}, {"f": b"first"})
    store.put("s", KEY, {}, {"f": b"second"})
    entry = store.get("s", KEY)
    assert entry is not None
    assert entry.read_text("f") == "first"


def test_an_entry_without_its_record_is_not_there(store: Store) -> None:
    store.put("s", KEY, {}, {"f": b"1"})
    Path(store.path("s", KEY, RECORD)).unlink()
    assert store.get("s", KEY) is None
    store.put("s", KEY, {}, {"f": b"2"})
    entry = store.get("s", KEY)
    assert entry is not None
    assert entry.read_text("f") == "2"


def test_an_altered_file_is_named_with_what_to_do(store: Store) -> None:
    entry = store.put("s", KEY, {}, {"f": b"right"})
    Path(store.path("s", KEY, "f")).write_bytes(b"wrong")
    with pytest.raises(UserError, match=r"f was altered or cut short; remove it with `arborist forget aaaa"):
        entry.read_bytes("f")


@pytest.mark.parametrize("record", ['{"step', "[]", "{}", "1", '{"files": {}}', "\x00"])
def test_a_record_that_is_no_record_is_named_and_can_be_forgotten(store: Store, record: str) -> None:
    store.put("s", KEY, {}, {"f": b"1"})
    Path(store.path("s", KEY, RECORD)).write_text(record)
    with pytest.raises(UserError, match=r"was altered or cut short; remove it with `arborist forget aaaa"):
        store.get("s", KEY)
    assert store.names("aaa") == [("s", KEY)]
    store.forget("s", KEY)
    assert store.get("s", KEY) is None


def test_entries_are_found_by_the_beginning_of_their_key_and_forgotten(store: Store) -> None:
    store.put("s", KEY, {}, {"f": b"1"})
    assert store.names("aaa") == [("s", KEY)]
    store.forget("s", KEY)
    assert store.names("aaa") == []


def test_a_store_at_another_kind_of_url_gives_folders_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    store = Store("memory://entries")
    entry = store.put("s", KEY, {}, {"sub/f": b"1"})
    assert (entry.folder() / "sub" / "f").read_bytes() == b"1"


@pytest.mark.parametrize("kind", ["folder", "network"])
def test_what_is_there_of_a_step_is_one_listing(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CountedFileSystem, "delay_s", 0.0)
    store = Store(str(tmp_path / "store") if kind == "folder" else f"counted://{tmp_path.name}")
    keys = [f"{number:064}" for number in range(20)]
    for key in keys:
        store.put("s", key, {}, {"f": b"1"}, facts={"samples": 3})
    store.put("t", KEY, {}, {"f": b"1"})
    store.fs.rm_file(store.path("s", keys[0], RECORD))
    assert store.keys("s") == frozenset(keys[1:]), "without its record an entry is not there"
    assert store.keys("nothing") == frozenset()
    CountedFileSystem.requests = 0
    assert store.has("s", [*keys, KEY]) == frozenset(keys[1:])
    assert CountedFileSystem.requests == (kind == "network")
    assert store.has("s", [keys[0], keys[1]]) == {keys[1]}
    assert {key: entry.facts["samples"] for key, entry in store.get_many("s", keys).items()} == dict.fromkeys(
        keys[1:], 3
    )


def test_an_unknown_kind_of_url_is_one_line() -> None:
    with pytest.raises(UserError, match="cannot be opened"):
        Store("nonsense://x")


@pytest.mark.parametrize(
    "ask", [lambda s: s.get("x", KEY), lambda s: s.keys("x"), lambda s: s.has("x", [KEY])]
)
def test_a_store_that_gives_no_access_is_one_line(ask: Callable[[Store], object]) -> None:
    with pytest.raises(
        StoreError, match=r"^store locked://x: cannot .*: Unable to locate credentials; check"
    ):
        ask(Store(LOCKED))


def test_a_file_on_another_disk_is_copied(tmp_path: Path) -> None:
    link_or_copy("/proc/version", tmp_path / "model" / "file")
    assert (tmp_path / "model" / "file").read_text() == Path("/proc/version").read_text()


def test_two_processes_do_not_work_on_one_key(store: Store) -> None:
    with (
        store.work("s", KEY),
        pytest.raises(UserError, match="another process is working"),
        store.work("s", KEY),
    ):
        pass


def test_unfinished_work_survives_a_kill_and_finished_work_is_cleared(store: Store) -> None:
    program = (
        "import sys, time; from bot.core.store import Store\n"
        f"with Store(sys.argv[1]).work('s', {KEY!r}) as folder:\n"
        "    (folder / 'batch').write_text('1'); print('ready', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, store.url], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    with store.work("s", KEY) as folder:
        assert (folder / "batch").read_text() == "1"
        store.put("s", KEY, {}, {"f": b"1"})
    assert not folder.exists()


def test_a_kill_while_writing_leaves_no_entry(store: Store) -> None:
    program = (
        "import sys; from bot.core.store import Store\n"
        "store = Store(sys.argv[1])\n"
        "for n in range(10**6):\n"
        "    store.put('s', f'{n:064}', {}, {'f': bytes(200_000)})"
    )
    process = subprocess.Popen([sys.executable, "-c", program, store.url])
    while not store.names("0"):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for step, key in store.names("0"):
        entry = store.get(step, key)
        assert entry is not None
        assert entry.read_bytes("f") == bytes(200_000)


def test_a_github_hosted_job_cannot_see_a_folder_of_another_machine(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if a folder lies at that path, as in the local world, where all jobs share a disk."""
    store.put("s", KEY, {}, {"f": b"1"})
    monkeypatch.setenv("RUNNER_ENVIRONMENT", "github-hosted")
    there = Store(store.url)
    ways: list[Callable[[], object]] = [
        lambda: there.get("s", KEY),
        lambda: there.keys("s"),
        lambda: there.has("s", [KEY]),
        lambda: there.put("s", KEY, {}, {"f": b"2"}),
        lambda: there.names(""),
    ]
    for way in ways:
        with pytest.raises(StoreError, match=r"a folder of another machine, which this job cannot see$"):
            way()
    for elsewhere in ("self-hosted", ""):
        monkeypatch.setenv("RUNNER_ENVIRONMENT", elsewhere)
        assert Store(store.url).keys("s") == {KEY}


def test_a_jobs_own_folder_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNER_ENVIRONMENT", "github-hosted")
    monkeypatch.chdir(tmp_path)
    Store(".arborist/store").put("s", KEY, {}, {"f": b"1"})
    assert Store(".arborist/store").keys("s") == {KEY}
