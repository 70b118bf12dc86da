"""How fast a device trains, by a formula; needs no engine, so that a hosted job can estimate, too."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.recipe import Recipe

PEAK = {"cpu": 6e11, "l40s": 3.62e14, "a100": 3.12e14, "h100": 9.89e14, "h200": 9.89e14}
"""Floating point operations a second in bf16 of a device, as its maker says; cpu is two cores."""
REACHED = 0.4
"""The share of these that training reaches; measured on the cpu (BENCHMARKS.md), usual on a GPU."""
GIVEN = {"knowledge": 4.5, "skills": 1.8}
"""Samples in all, for each that the teacher makes in the pipelines small, measured; full has few others."""
GENERAL_TOKENS = 60
UPPER = 0.6
"""The share of layers in which new neurons learn; what is below is computed once (train/trunk.py)."""


@dataclass(frozen=True)
class EstimateRecipe:
    """What the runner is and costs; for estimates alone, so no key depends on it.

    Attributes:
        device: one of PEAK; for a first estimate, before a run is recorded.
        price_per_hour: of the runner; 0 if that is not said.
    """

    device: str = ""
    price_per_hour: float = 0
    currency: str = ""


UNSTATED = EstimateRecipe()
"""A recipe that says nothing of its runner."""


def tokens_a_second(size: int, recipe: "Recipe", device: str) -> float:
    """How fast training is by the formula: the device's operations for those that a token takes."""
    return PEAK[device] * REACHED * recipe.train.processes / (_operations(recipe) * size)


def _operations(recipe: "Recipe") -> float:
    """Floating point operations for each weight and token: forward, backward, and forward once more.

    Two of the four of the backward pass are for gradients of weights, which those that stay do without.
    """
    train = recipe.train
    forward = 4 if train.gradient_checkpointing else 2
    if not train.neurons:
        return forward + (2 if train.rank else 4)
    # Nothing goes back below the layers that learn; one process computes those below only once.
    return (forward if train.processes > 1 else forward * UPPER) + 2 * UPPER
