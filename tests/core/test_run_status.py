"""The status of a run: whatever its work reports, the file is valid; whatever is in it, reading is safe."""

import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import progress, status_writer
from bot.core.errors import UserError
from bot.core.package_files import shipped
from bot.core.progress import Count, counted, expect, step, task
from bot.core.run_status import FOLDER, MOST_BYTES, SCHEMA, RunStatus, read_status
from bot.core.status_words import lines_of
from bot.core.status_writer import Run, StatusWriter, kept
from bot.core.store import Store, StoreError
from tests.helpers.locked_store import LOCKED
from tests.helpers.slow_store import CountedFileSystem

COMMIT = "3f2a1bc" + "0" * 33
URL = "https://github.com/lab/taxonomy/actions/runs/7"
SECONDS = r"\d+ s"
"""A duration by the real clock."""
RUN = Run("retrain", COMMIT, 0, URL, 3.6, "EUR")

VALID = jsonschema_rs.validator_for(json.loads(shipped(SCHEMA).read_text()))

texts = st.text(st.characters(), max_size=400)
numbers = st.integers(-5, 10**15)
amounts = st.none() | st.floats(-1e6, 1e300, allow_nan=False)
counts = st.builds(Count, numbers, numbers, texts, texts, numbers, numbers, amounts, amounts)
calls = st.one_of(
    st.tuples(st.just("begin"), texts),
    st.tuples(st.just("count"), counts),
    st.tuples(st.just("expect"), st.floats(-1e6, 1e300, allow_nan=False)),
    st.tuples(st.just("fail"), texts),
)


class Clock:
    """A clock that goes on only when it is told to, in place of the module `time`."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which runs and their steps are timed."""
    made = Clock()
    monkeypatch.setattr(status_writer, "time", made)
    monkeypatch.setattr(progress, "time", made)
    return made


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.mark.hypothesis
@given(st.lists(calls, max_size=20))
def test_whatever_is_reported_the_file_matches_its_schema_and_is_small(
    reported: list[tuple[str, Any]],
) -> None:
    store = Store("memory://status-property")
    writer = StatusWriter(RUN, store)
    for name, value in reported:
        getattr(writer, name)(value)
        found = writer.status().to_json()
        assert VALID.is_valid(found)
        assert len(json.dumps(found, ensure_ascii=False).encode()) <= MOST_BYTES
    writer.close()
    if writer.begun:
        read = read_status(store)
        assert read is not None
        assert read.state == ("failed" if any(name == "fail" for name, _ in reported) else "done")


def test_many_steps_with_the_longest_names_fit_into_the_file(store: Store) -> None:
    with kept(StatusWriter(RUN, store)):
        for number in range(100):
            with step(f"{number}{'🌱' * 100}"), counted(1, "🌱" * 100, 1) as advance:
                advance(1, leaf='"' * 400)
    found = read_status(store)
    assert found is not None
    assert found.steps is not None
    assert len(found.steps) == 30


def test_the_store_has_the_step_the_leaf_and_what_is_left(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_writer, "EVERY_S", 0.05)
    writer = StatusWriter(RUN, store)
    with kept(writer), step("generating samples"):
        expect(3600)
        with counted(40, "samples", leaves=2) as advance, ThreadPoolExecutor(4) as pool:
            clock.forward(2)
            list(pool.map(lambda _: advance(1, tokens=5, leaf="knowledge/birds"), range(10)))
            clock.forward(3)
            found = there(store, lambda status: status.run_seconds_left == 3595)
    count = found.count
    assert (found.state, found.step, found.run, found.commit) == (
        "running",
        "generating samples",
        URL,
        COMMIT,
    )
    assert count is not None
    assert (count.done, count.total, count.unit) == (10, 40, "samples")
    assert (count.leaf, count.leaf_number, count.leaves) == ("knowledge/birds", 1, 2)
    assert (count.seconds_left, count.tokens_per_second) == (6 - 3, 25)
    first, leaf, speed, cost = lines_of(found, datetime.now(UTC))
    assert first == "retrain of 3f2a1bc: generating samples, 10 of 40 samples"
    assert leaf == "leaf knowledge/birds (1 of 2)"
    assert speed == "25 tokens/s; about 3 s left in this step, about 60 min left in all (estimated)"
    assert re.fullmatch(rf"running for {SECONDS}, 0\.01 EUR so far", cost)


def test_units_that_were_there_already_say_nothing_of_the_time_left(store: Store, clock: Clock) -> None:
    writer = StatusWriter(RUN, store)
    with kept(writer), step("training skills"), task("train skills", 100, "optimizer steps") as advance:
        advance(60, reused=True)
        assert writer.status().count == Count(60, 100, "optimizer steps")
        clock.forward(1)
        advance(10)
        left = writer.status().count
        assert left is not None
        assert left.seconds_left == 3


@pytest.mark.parametrize(("total", "telling"), [(1, 1), (20, 1), (82, 5), (10_000, 8)])
def test_the_first_units_of_many_do_not_tell_how_long_the_rest_takes(
    total: int, telling: int, store: Store, clock: Clock
) -> None:
    writer = StatusWriter(RUN, store)
    with kept(writer), step("examination"), task("ask the model", total, "questions") as advance:
        for done in range(1, telling + 1):
            clock.forward(1)
            advance(1)
            count = writer.status().count
            assert count is not None
            assert count.seconds_left == (total - telling if done == telling else None)


def test_steps_within_steps_have_times_of_their_own(store: Store, clock: Clock) -> None:
    writer = StatusWriter(RUN, store)
    with kept(writer), step("mixing samples"):
        with step("general requests answered by the base"):
            clock.forward(2)
        assert writer.status().step == "mixing samples"
    found = read_status(store)
    assert found is not None
    assert found.state == "done"
    assert found.steps is not None
    assert found.steps == {"preparing": 0, "mixing samples": 0, "general requests answered by the base": 2}
    assert list(found.steps) == ["preparing", "mixing samples", "general requests answered by the base"]


def test_a_failure_says_where_and_why_in_one_line(store: Store) -> None:
    inner = step("reading\nsamples")
    with pytest.raises(UserError), kept(StatusWriter(RUN, store)), step("training skills"), inner:
        raise UserError("the disk is full\u202e; free some")
    found = read_status(store)
    assert found is not None
    where, why = lines_of(found, datetime.now(UTC))
    pattern = rf"retrain of 3f2a1bc: failed after {SECONDS}, 0\.\d\d EUR, at: reading samples"
    assert re.fullmatch(pattern, where)
    assert why == "the disk is full ; free some"


def test_an_error_that_nobody_foresaw_is_named(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), kept(StatusWriter(RUN, store)):
        _ = 1 / 0
    found = read_status(store)
    assert found is not None
    assert (found.state, found.reason) == ("failed", "internal error: ZeroDivisionError")


def test_a_run_that_did_nothing_leaves_the_status_of_the_one_before(store: Store) -> None:
    with kept(StatusWriter(RUN, store)), step("training skills"):
        pass
    before = read_status(store)
    with kept(StatusWriter(Run("retrain"), store)):
        pass
    assert read_status(store) == before


def test_a_second_run_that_cannot_begin_does_not_hide_the_first(store: Store) -> None:
    first = StatusWriter(RUN, store)
    with kept(first), step("training skills"):
        there(store)
        with pytest.raises(UserError), kept(StatusWriter(Run("retrain"), store)):
            raise UserError("another process is working on this")
        found = read_status(store)
        assert found is not None
        assert (found.state, found.step) == ("running", "training skills")


def there(store: Store, wanted: Callable[[RunStatus], bool] = lambda _: True) -> RunStatus:
    """Wait for a status."""
    deadline = time.monotonic() + 60
    while (found := read_status(store)) is None or not wanted(found):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def test_each_pull_request_has_its_own(store: Store) -> None:
    for run in (RUN, Run("sample", COMMIT, 12)):
        with kept(StatusWriter(run, store)), step("generating samples"):
            pass
    retraining, pull = read_status(store), read_status(store, 12)
    assert retraining is not None
    assert pull is not None
    assert lines_of(retraining, datetime.now(UTC))[0].startswith("retrain of 3f2a1bc: done after ")
    assert lines_of(pull, datetime.now(UTC))[0].startswith(
        "sample for pull request 12 of 3f2a1bc: done after "
    )
    assert read_status(store, 13) is None


def test_a_run_that_was_killed_gives_no_sign_of_life(store: Store) -> None:
    now = datetime(2026, 11, 29, 12, tzinfo=UTC)
    killed = RunStatus("retrain", COMMIT, 0, "", now - timedelta(hours=1), now - timedelta(minutes=7), 3.0)
    assert lines_of(killed, now) == [
        "retrain of 3f2a1bc: no sign of life for 7 min; its last step was: preparing",
        "the process was probably killed; the next run goes on where it stopped",
    ]
    assert lines_of(killed, now - timedelta(minutes=5))[0] == "retrain of 3f2a1bc: preparing"


@pytest.mark.parametrize("fails", ["begin", "end"])
def test_a_store_that_refuses_the_status_stops_nothing_and_it_is_said_once(
    store: Store, fails: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(status_writer, "EVERY_S", 0.05)
    folder = Path(store.root) / FOLDER
    done = []
    with kept(StatusWriter(RUN, store)):
        if fails == "begin":
            folder.parent.mkdir()
            folder.write_text("a file where the folder is to be")
        with step("training skills"):
            time.sleep(0.3)
            if fails == "end":
                folder.rename(folder.with_name("away"))
                folder.write_text("a file where the folder is to be")
                time.sleep(0.3)
            done.append("the work")
    assert done == ["the work"]
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("the status of this run cannot be seen, and the run goes on: store ")


def test_reporting_costs_the_run_next_to_nothing_however_slow_the_store_is() -> None:
    CountedFileSystem.requests = 0
    store = Store("counted://status")
    writer = StatusWriter(RUN, store)
    with kept(writer), step("training skills"), counted(20_000, "steps") as advance:
        began = time.process_time()
        for _ in range(20_000):
            advance(1, tokens=100)
        assert time.process_time() - began < 1
    assert CountedFileSystem.requests == 2, "the first, and the last"


def test_a_long_run_writes_less_often(store: Store) -> None:
    writer = StatusWriter(RUN, store)
    assert writer.status().every == 3.0
    writer._began -= 20_000
    assert writer.status().every == pytest.approx(40.0)
    assert StatusWriter(RUN, Store("memory://x")).status().every == 10.0


GOOD: dict[str, Any] = StatusWriter(RUN, Store("memory://x")).status().to_json()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "Expecting value"),
        (b"x" * (MOST_BYTES + 1), "more than 20000 bytes"),
        (b"[" * 9_000, ""),
        (json.dumps({**GOOD, "every": float("nan")}).encode(), "NaN is not a number"),
        (json.dumps({**GOOD, "step": "x" * 81}).encode(), "step: "),
        (json.dumps({**GOOD, "step": "a\x1b[2Jb"}).encode(), "step: "),
        (json.dumps({**GOOD, "step": "\ud800"}).encode(), ""),
        (json.dumps({**GOOD, "more": 1}).encode(), "'more' was unexpected"),
        (json.dumps({**GOOD, "updated": "2026-99-99T00:00:00Z"}).encode(), "does not match format"),
        (json.dumps({**GOOD, "run": "javascript:alert(1)"}).encode(), "run: "),
        (json.dumps({**GOOD, "steps": [{"name": "x", "seconds": 1}] * 31}).encode(), "steps: "),
        (b"\xff\xfe", ""),
    ],
)
def test_a_file_that_is_no_status_is_refused_in_one_line(store: Store, content: bytes, why: str) -> None:
    folder = Path(store.root) / FOLDER
    folder.mkdir(parents=True)
    (folder / "retrain.json").write_bytes(content)
    with pytest.raises(UserError, match=r"retrain\.json is not the status of a run") as refused:
        read_status(store)
    message = str(refused.value)
    assert why in message
    assert "\n" not in message
    assert len(message) < 600


def test_a_store_that_cannot_be_read_says_so() -> None:
    with pytest.raises(StoreError, match="Unable to locate credentials"):
        read_status(Store(LOCKED))
