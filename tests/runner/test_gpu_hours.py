"""The day's GPU hours: counted by GPU, shared by runners, new each day, and never lost."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.core.errors import UserError
from bot.runner import gpus
from bot.runner.gpu_hours import Account
from bot.runner.once import _warn_of_memory


def test_hours_count_for_each_gpu_until_the_ceiling(tmp_path: Path) -> None:
    account = Account(tmp_path, gpus=8, ceiling_h=16)
    assert account.left_s() == 2 * 3600
    account.book(3600)
    account.check()
    assert account.left_s() == 3600
    account.book(3600)
    with pytest.raises(UserError, match=r"16\.00 of the day's 16 GPU hours are used \(--day-hours\)"):
        account.check()


def test_time_that_was_not_used_is_given_back(tmp_path: Path) -> None:
    account = Account(tmp_path, gpus=1, ceiling_h=1)
    account.book(10)
    account.book(-4)
    assert account.used_s() == 6


def test_the_next_day_begins_anew(tmp_path: Path) -> None:
    days = ["2026-01-01"]
    account = Account(tmp_path, gpus=1, ceiling_h=1, day=lambda: days[-1])
    account.book(3600)
    assert account.left_s() == 0
    days.append("2026-01-02")
    assert account.left_s() == 3600


def test_without_a_ceiling_there_is_always_time(tmp_path: Path) -> None:
    account = Account(tmp_path, gpus=1)
    account.book(1e6)
    account.check()
    assert account.left_s() == float("inf")


def test_runners_that_book_at_once_lose_nothing(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: Account(tmp_path, gpus=1).book(1), range(64)))
    assert Account(tmp_path, gpus=1).used_s() == 64


def test_a_damaged_account_is_one_line(tmp_path: Path) -> None:
    account = Account(tmp_path, gpus=1, ceiling_h=1)
    for text in ("", "{}", '{"day": 1}', "[]"):
        account.file.write_text(text)
        with pytest.raises(UserError, match="not an account of GPU hours; delete it"):
            account.check()


SMI = """#!/bin/sh
case "$1" in
--query-compute-apps*) [ -e {folder}/apps ] && echo 4711 ;;
--query-gpu*) cat {folder}/memory ;;
esac
exit 0
"""


def test_memory_of_a_gpu_that_no_process_explains_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(SMI.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    memory = tmp_path / "memory"
    memory.write_text("0, 4\n1, 4\n")
    before = gpus.memory_in_use()
    memory.write_text("0, 4\n1, 1204\n")
    _warn_of_memory(before, gpus.memory_in_use())
    expected = "GPU 1 holds 1204 MiB although no process uses it; before the job 4 MiB\n"
    assert capsys.readouterr().err == expected
    (tmp_path / "apps").touch()
    assert gpus.memory_in_use() is None, "processes of others explain the use"
