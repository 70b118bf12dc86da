"""Compare what main asks for with what is released; loads no model and needs the core dependencies alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.core.progress import say
from bot.evaluate.judge import check_judge
from bot.pipeline.release_inputs import ReleaseInputs, release_inputs
from bot.release.hub import Release, latest_release
from bot.release.licences import check_licences
from bot.taxonomy.leaf import Leaf


@dataclass(frozen=True)
class Asked:
    """What main asks for, beside what is released.

    Attributes:
        released: the newest release; None if there is none.
        missing: whether another release is to be made.
    """

    inputs: ReleaseInputs
    released: Release | None
    missing: bool


def compare(leaves: Sequence[Leaf], recipe: Recipe) -> Asked:
    """Compare what main asks for with the newest release; loads no model.

    Raises:
        UserError: the taxonomy is empty although there is a release, a licence does not allow the release, or
            an exam needs a judge and the recipe names none.
    """
    wanted, released = release_inputs(leaves, recipe), latest_release(recipe.release.repository)
    if released and released.manifest["key"] == wanted.key:
        say_nothing_to_do(released)
        return Asked(wanted, released, missing=False)
    if not leaves:
        _check_empty(released)
        return Asked(wanted, released, missing=False)
    check_licences(leaves, recipe)
    check_judge(leaves, recipe.evaluate)
    return Asked(wanted, released, missing=True)


def say_nothing_to_do(released: Release) -> None:
    """Print that the release is up to date."""
    say(f"nothing to do: {released.tag} of {released.repository} is up to date with the taxonomy and recipe")


def _check_empty(released: Release | None) -> None:
    """Print that an empty taxonomy is nothing to do.

    Raises:
        UserError: there is a release; an empty taxonomy never replaces it.
    """
    if released is not None:
        raise UserError(
            f"the taxonomy has no leaves, so {released.tag} of {released.repository} stays: "
            "an empty taxonomy is never released. To withdraw the model, delete it on the Hub",
            code=1,
        )
    say("nothing to do: the taxonomy has no leaves")
