"""Progress in a log: the row that changed, now and then, and nothing that is empty."""

import pytest

from bot.core import progress


def test_a_row_that_changes_is_a_line_in_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LOG_EVERY_S", 0.0)
    with progress.live_table("leaf", ("samples", "tokens/s", "left", "")) as show:
        show("knowledge/x", ("3/40", "61", "", ""))
        show("knowledge/[bold]y", ("1/40", "", "9 s", "from the store"))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "knowledge/x: 3/40 samples, 61 tokens/s",
        "knowledge/[bold]y: 1/40 samples, 9 s left, from the store",
    ]


def test_lines_come_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.live_table("leaf", ("samples",)) as show:
        for number in range(100):
            show("knowledge/x", (str(number),))
    assert capsys.readouterr().err == ""
