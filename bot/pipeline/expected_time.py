"""How long the retraining that main asks for is expected to take."""

from collections.abc import Collection

from bot.config.recipe import Recipe
from bot.core.durations import latest
from bot.core.store import Store, StoreError
from bot.generate.inputs import SamplesInputs
from bot.pipeline.estimate_release import Forecast, forecast


def expected_time(samples: Collection[str], recipe: Recipe, store: Store) -> Forecast | None:
    """Estimate the duration of a retraining from earlier runs in the store, or else by formula.

    Two listings of the store, and one request for each of the newest runs; none for each leaf.

    Args:
        samples: the keys of all leaves' samples.

    Returns:
        The forecast; None if this machine cannot read the store.
    """
    try:
        there, runs = store.has(SamplesInputs.STEP, samples), latest(store)
    except StoreError:
        return None
    missing = len(set(samples) - there)
    return forecast(recipe.generate.samples * missing, len(samples), recipe, runs)
