"""`make test` runs every group whatever became of the others, and ends with one summary."""

from pathlib import Path

import pytest

from tests import groups


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
    monkeypatch.setattr(groups, "SIDE_BY_SIDE", (("bad",), ("good",)))
    assert groups.main([]) == 1
    summary = capsys.readouterr().out.partition("== summary\n")[2].splitlines()
    assert summary[0].startswith("FAILED bad")
    assert "FAILED" in summary[1], "the test that failed is named"
    assert "test_bad.py::test_it" in summary[1]
    assert summary[2].startswith("passed good")


def test_all_tests_are_in_exactly_one_group() -> None:
    """A file that no group collects would never be run."""
    apart = [path for path in groups.ENGINES if not Path(path).exists()]
    assert apart == []
    ignored = {f"--ignore={path}" for path in groups.ENGINES}
    assert ignored <= set(groups.GROUPS["loop"][0])
    assert {*ignored, "--ignore=tests/loop"} <= set(groups.GROUPS["parts"][0])
