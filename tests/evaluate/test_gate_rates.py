"""How often the gate refuses simulated releases; `python -m benchmarks gate` simulates more of them.

The releases are the same in every run. At 5% churn and over 1,000 releases, the rates are about 2% without
a loss, and at least 96% with one (BENCHMARKS.md).
"""

from dataclasses import replace
from random import Random

import pytest

from bot.config.load import load_recipe
from bot.evaluate.gate import judge
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

RELEASES = 200
STRICT = load_recipe(ROOT / "recipes/granite.yaml").gate
SHIPPED = shipped(ROOT / "taxonomy")
WITH_NEW = replace(SHIPPED, new=12)


def refused(exams: Exams, harm: Harm, churn: float = CHURN) -> float:
    """The share of the releases that the strict gate refuses."""
    draw = Random(f"{exams} {harm.__name__} {churn}")
    verdicts = [judge(release(exams, churn, harm, draw), STRICT) for _ in range(RELEASES)]
    return sum(not verdict.passed for verdict in verdicts) / RELEASES


def test_the_shipped_exams_are_those_that_were_measured() -> None:
    assert sorted(SHIPPED.older) == [5, 5, 5, 12, 12]
    assert SHIPPED.general == 231


@pytest.mark.parametrize("exams", [SHIPPED, WITH_NEW, TWENTY], ids=["shipped", "new leaf", "twenty"])
def test_noise_refuses_no_release(exams: Exams) -> None:
    assert refused(exams, nothing, CHURN / 2) <= 0.02
    assert refused(exams, nothing) <= 0.05
    assert refused(exams, nothing, 2 * CHURN) <= 0.15


@pytest.mark.parametrize(
    ("exams", "harm"),
    [
        (SHIPPED, forgotten),
        (SHIPPED, weakened),
        (TWENTY, one_leaf_forgotten),
        (replace(WITH_NEW, learned=0), nothing),
    ],
    ids=["20 points forgotten", "20 points less sure", "one leaf of twenty", "new leaf not learned"],
)
def test_noise_passes_no_release(exams: Exams, harm: Harm) -> None:
    assert refused(exams, harm) >= 0.92
