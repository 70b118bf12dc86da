"""The known devices, and the recipe's settings for estimates of time and price."""

from dataclasses import dataclass

PEAK = {"cpu": 6e11, "l40s": 3.62e14, "a100": 3.12e14, "h100": 9.89e14, "h200": 9.89e14}
"""Peak bf16 floating point operations per second, from the maker's data sheet; `cpu` means two cores."""


@dataclass(frozen=True)
class EstimateRecipe:
    """The runner's device and price. Used for estimates only, so no key depends on them.

    Attributes:
        device: a key of PEAK; used until a run is recorded in the store. "" if unknown.
        price_per_hour: the price of the runner; 0 if unknown.
    """

    device: str = ""
    price_per_hour: float = 0
    currency: str = ""


UNSTATED = EstimateRecipe()
"""The settings of a recipe that has no `estimate`."""
