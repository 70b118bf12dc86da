"""While the base answers general requests, a log and the run's status say how far it is."""

import re
from pathlib import Path

import pytest

from bot.core import progress
from bot.core.status_writer import Run, StatusWriter
from bot.core.store import Store
from bot.generate.general_replay import own_samples
from tests.helpers.tiny import write_tiny


def test_a_log_and_the_status_say_how_many_requests_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LOG_EVERY_S", 0.0)
    student, store = str(write_tiny(tmp_path / "tiny")), Store(str(tmp_path / "store"))
    status = StatusWriter(Run("retrain"), Store(str(tmp_path / "other")))
    with progress.watched(status):
        own_samples([["Hello", "Who are you?"], ["Good night"]], student, store, batch=1)
    lines = [line for line in capsys.readouterr().err.splitlines() if "general" in line]
    first, second = (f"the base answers general requests: {n}/3 about " for n in (1, 2))
    assert re.fullmatch(rf"{first}\d+ s left\n{second}\d+ s left", "\n".join(lines[:2]))
    assert lines[2:] == ["the base answers general requests: 3/3"]
    count = status.status().count
    assert count is not None
    assert (count.done, count.total, count.unit, count.seconds_left) == (3, 3, "requests", 0.0)
    assert count.tokens_per_second
