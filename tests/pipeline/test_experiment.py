"""The learning experiment's table; the experiment itself is run in tests/train/test_commands.py."""

from dataclasses import replace

from rich.console import Console

from bot.config.load import load_recipe
from bot.pipeline.experiment import Result, table, ways
from tests import ROOT


def test_the_ways_differ_in_phases_replay_and_method() -> None:
    stated = replace(load_recipe(ROOT / "arborist.yaml").train, neurons=8)
    assert [way.knowledge.ensemble for way in ways(stated).values()] == [1, 1, 1, 1, 1, 2]
    found = {
        name: (way.method, way.skills.replay > 0, way.general.samples > 0, way.neurons > 0)
        for name, way in ways(stated).items()
    }
    assert found == {
        "one phase, no replay": ("stacked", False, False, False),
        "two phases, no replay": ("phased", False, False, False),
        "two phases with replay (LAB)": ("phased", True, True, False),
        "one phase with general replay": ("stacked", True, True, False),
        "two phases with replay, SDFT": ("sdft", True, True, False),
        "two phases with replay, new neurons": ("phased", True, True, True),
    }


def test_a_table_has_means_and_the_spread_over_seeds() -> None:
    results = [
        Result("base", 0, (0, 20), (0, 10), (50, 60)),
        Result("LAB", 0, (18, 20), (5, 10), (50, 60)),
        Result("LAB", 1, (16, 20), (5, 10), (40, 60)),
    ]
    console = Console(width=100, record=True)
    console.print(table(results))
    shown = console.export_text()
    assert "85% ± 7%" in shown
    assert "50% ± 0%" in shown
    assert "90% ± 14%" in shown
