"""The gate: how many simulated releases it refuses that lost nothing, and how many that lost much.

tests/helpers/simulated_releases.py has the noise model.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import comb
from random import Random

from rich.console import Console
from rich.table import Table

from bot.config.load import load_recipe
from bot.config.recipe import GateRecipe
from bot.evaluate.gate import judge
from bot.evaluate.gate_criteria import Counted
from tests import ROOT
from tests.helpers.simulated_releases import (
    CHURN,
    TWENTY,
    Exams,
    Harm,
    forgotten,
    nothing,
    one_leaf_forgotten,
    release,
    shipped,
    weakened,
)

RELEASES = 1_000
CHURNS = (CHURN / 2, CHURN, 2 * CHURN)
NEW = 12
"""Exam questions of a new leaf."""
RECIPES = ("recipes/granite.yaml", "arborist.yaml")
Refuses = Callable[[Counted], bool]


def simulated() -> dict[str, tuple[Exams, Harm]]:
    """Return what is simulated, by name."""
    five = shipped(ROOT / "taxonomy")
    return {
        "shipped exams: nothing lost": (five, nothing),
        "shipped exams: nothing lost, a new leaf learned": (replace(five, new=NEW), nothing),
        "shipped exams: 20 points forgotten": (five, forgotten),
        "shipped exams: 20 points, each answer less sure": (five, weakened),
        "shipped exams: a new leaf not learned": (replace(five, new=NEW, learned=0.0), nothing),
        "20 leaves of 10 questions: nothing lost": (TWENTY, nothing),
        "20 leaves of 10 questions: one leaf forgotten": (TWENTY, one_leaf_forgotten),
    }


def refused(exams: Exams, harm: Harm, churn: float, gates: list[Refuses]) -> list[str]:
    """Return which share of the same releases each gate refuses."""
    draw = Random(f"{exams} {harm.__name__} {churn}")
    releases = [release(exams, churn, harm, draw) for _ in range(RELEASES)]
    return [f"{sum(map(refuses, releases)) / RELEASES:.1%}" for refuses in gates]


def by_recipe(gate: GateRecipe, counted: Counted) -> bool:
    """Return whether the gate refuses a release."""
    return not judge(counted, gate).passed


def by_mcnemar(counted: Counted) -> bool:
    """Return whether McNemar's exact test with Holm's correction finds a loss, without margins."""
    older = list(counted.older.values())
    every = [sum(older[1:], older[0]), *older, counted.general, counted.near]
    changed = [(one.lost, one.lost + one.gained) for one in every]
    smallest = min(sum(comb(all_, n) for n in range(lost, all_ + 1)) / 2**all_ for lost, all_ in changed)
    return smallest <= 0.05 / len(every)


def main() -> None:
    """Print the shares."""
    strict, embedded = (load_recipe(ROOT / name).gate for name in RECIPES)
    gates: dict[str, Refuses] = {
        RECIPES[0]: partial(by_recipe, strict),
        f"{RECIPES[0]} with churn: {CHURNS[-1]}": partial(by_recipe, replace(strict, churn=CHURNS[-1])),
        RECIPES[1]: partial(by_recipe, embedded),
        "McNemar's exact test with Holm's correction, losses only": by_mcnemar,
    }
    tables = [Table(title=title) for title in gates]
    for table in tables:
        table.add_column(f"refused of {RELEASES:,} releases, by churn")
        for churn in CHURNS:
            table.add_column(f"{churn:.1%}", justify="right")
    for name, (exams, harm) in simulated().items():
        columns = [refused(exams, harm, churn, list(gates.values())) for churn in CHURNS]
        for table, shares in zip(tables, zip(*columns, strict=True), strict=True):
            table.add_row(name, *shares)
    for table in tables:
        Console(width=110).print(table)
