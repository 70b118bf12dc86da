"""`make test` runs every group whatever became of the others, and ends with one summary."""

from pathlib import Path

import pytest

from tests import ROOT, groups


def test_a_group_that_fails_stops_no_other_and_is_named_at_the_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test_bad.py").write_text("def test_it() -> None:\n    assert 1 == 2\n")
    (tmp_path / "test_good.py").write_text("def test_it() -> None:\n    assert 1 == 1\n")
    commands = {
        name: (("pytest", "-p", "no:cacheprovider", "-c", "/dev/null", str(tmp_path / f"test_{name}.py")),)
        for name in ("bad", "good")
    }
    monkeypatch.setattr(groups, "GROUPS", commands)
    assert groups.main([]) == 1
    summary = capsys.readouterr().out.partition("== summary\n")[2].splitlines()
    assert summary[0].startswith("FAILED bad")
    assert "FAILED" in summary[1], "the test that failed is named"
    assert "test_bad.py::test_it" in summary[1]
    assert summary[2].startswith("passed good")


def test_all_tests_are_in_exactly_one_group() -> None:
    """A file that no group collects would never be run."""
    stories = (*groups.STORY, *groups.COMMANDS, *groups.EVENTS)
    apart = (*groups.ENGINES, *stories)
    assert [path for path in apart if not (ROOT / path).exists()] == []
    (loop,), (parts,), (engines,) = (groups.GROUPS[name] for name in ("loop", "parts", "engines"))
    assert {f"--ignore={path}" for path in stories} == set(loop[4:])
    assert len(set(apart)) == len(apart)
    assert [f"--ignore={path}" for path in groups.TASKS] == [one for one in engines if "ignore" in one]
    assert groups.GROUPS["tasks"][0][1:] == groups.TASKS
    assert {f"--ignore={path}" for path in ("tests/loop", *groups.ENGINES)} == set(parts[3:])


def test_processes_together_have_no_more_threads_than_the_machine_has_cores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(groups.os, "cpu_count", lambda: 8)
    assert groups.threads(alone=True) == 8
    assert groups.threads(alone=False) * groups.AT_ONCE <= 8
    monkeypatch.setattr(groups.os, "cpu_count", lambda: 2)
    assert groups.threads(alone=False) == 1


def test_the_quick_groups_name_tests_that_are_there_and_run_no_engine() -> None:
    quick = [*groups.CORE, *groups.SLOW, *groups.UNITS]
    assert [path for path in quick if not (ROOT / path).exists()] == []
    assert len(set(quick)) == len(quick)
    assert [path for path in groups.CORE + groups.UNITS if path in groups.ENGINES] == []
    assert all(name in groups.GROUPS for name in groups.AGAIN)


def test_all_groups_are_run_by_default_but_those_whose_tests_are_in_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(groups, "run", lambda group, alone=False: groups.Result(group, True, 0.0, "", ()))
    assert groups.main([]) == 0
    said = [line.split()[1] for line in capsys.readouterr().out.partition("== summary\n")[2].splitlines()]
    assert said == ["engines", "parts", "story", "loop", "commands", "events", "lint", "tasks"]
    assert groups.main(["units", "core", "lint"]) == 0
    said = [line.split()[1] for line in capsys.readouterr().out.partition("== summary\n")[2].splitlines()]
    assert said == ["lint", "core", "units"]
