"""Samples as Parquet: they come back as they were, in any order that they are asked for."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import UserError
from bot.core.sample import Sample
from bot.core.store import Store
from bot.generate import rows
from bot.generate.rows import FILE, Chosen, StoredSamples, samples_to_bytes

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
turns = st.tuples(st.sampled_from(["system", "user", "assistant"]), texts)
samples_ = st.builds(Sample, texts, texts, st.lists(turns, max_size=4).map(tuple), st.none() | texts, texts)


def stored(samples: list[Sample], url: str) -> StoredSamples:
    store = Store(url)
    store.forget("s", "k")
    files = {FILE: samples_to_bytes(samples)}
    return StoredSamples(store.put("s", "k", {}, files, facts={"samples": len(samples)}))


@given(st.lists(samples_, max_size=10))
def test_samples_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, samples: list[Sample]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "ROWS", 3)
        read = stored(samples, str(tmp_path_factory.mktemp("store")))
        assert list(read) == samples
        assert [read[place] for place in range(len(samples))] == samples
        assert read[::-1] == tuple(samples[::-1])


def test_some_of_them_are_taken_in_their_order(tmp_path: Path) -> None:
    samples = [Sample("a", "seed", (("user", str(n)),), None, "") for n in range(9)]
    some = Chosen(stored(samples, str(tmp_path)), [1, 4, 8], lambda sample: sample.messages[0][1])
    assert (list(some), len(some), some[-1], some[:2]) == (["1", "4", "8"], 3, "8", ["1", "4"])
    assert not Chosen(samples, [], lambda sample: sample)


def test_from_a_store_on_the_network_they_are_read_from_a_copy_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARBORIST_CACHE", str(tmp_path / "cache"))
    samples = [Sample("a", "seed", (("user", "Hi"),), None, "")]
    read = stored(samples, f"memory://{tmp_path.name}")
    assert list(read) == samples
    copy = next((tmp_path / "cache").rglob(FILE))
    copy.write_bytes(b"else")
    again = StoredSamples(read.entry)
    with pytest.raises(UserError, match="was altered or cut short"):
        list(again)
