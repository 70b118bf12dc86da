"""Previews for a pull request: first samples, a precheck of today's model, and a trial."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.core.progress import step
from bot.core.store import Store
from bot.evaluate.examine import Examination
from bot.generate.leaf_samples import Generated
from bot.inference.models import model_folder
from bot.pipeline.examine import examine_model
from bot.pipeline.generate import generate
from bot.pipeline.mix import mix
from bot.pipeline.train import teach, todays_model
from bot.release.hub import Release, latest_release
from bot.taxonomy.leaf import Leaf
from bot.train.check_student import check_student
from bot.train.methods import chosen

SAMPLE = 12
"""Number of samples per leaf that a preview generates."""
TODAY = "examining today's model"


def sample(leaves: Sequence[Leaf], recipe: Recipe, store: Store, count: int) -> list[Generated]:
    """Return the first samples of leaves; retraining reuses them after the merge.

    Args:
        count: minimum number of samples per leaf, if the teacher's batches yield that many.

    Raises:
        UserError: the recipe's student cannot be trained, so nothing is generated for it.
    """
    try:
        check_student(model_folder(recipe.student.model, weights=False), chosen(recipe.train))
    except UserError as error:
        raise UserError(
            f"nothing was generated, since the student {recipe.student.model} cannot be trained: {error}"
        ) from None
    return generate(leaves, recipe, store, limit=count)


def precheck(leaves: Sequence[Leaf], recipe: Recipe, store: Store) -> tuple[Examination, str]:
    """Return today's model's answers to the leaves' exams, and the model's name."""
    released = latest_release(recipe.release.repository)
    with step(TODAY):
        return examine_model(todays_model(released, recipe), leaves, recipe, store), _name(released)


@dataclass(frozen=True)
class Trial:
    """The result of a trial.

    Attributes:
        model: name of today's model.
        samples: number of the contribution's samples.
        before: examination of today's model.
        after: examination of today's model with an adapter trained on the samples.
    """

    model: str
    samples: int
    before: Examination
    after: Examination


def trial(leaves: Sequence[Leaf], recipe: Recipe, store: Store, count: int) -> Trial:
    """Train a small adapter on the leaves' first samples, and examine today's model without and with it.

    Args:
        count: minimum number of samples per leaf; see `sample`.
    """
    released = latest_release(recipe.release.repository)
    today = todays_model(released, recipe)
    check_student(today.folder, {"rank": recipe.trial.rank})
    with step(TODAY):
        before = examine_model(today, leaves, recipe, store, near=leaves)
    mixture = mix("trial", generate(leaves, recipe, store, limit=count), leaves, recipe, store)
    learnt = teach("trial", today, mixture, leaves, recipe, store)
    with step("examining the model with the adapter"):
        after = examine_model(learnt.model, leaves, recipe, store, near=leaves)
    return Trial(_name(released), len(mixture.samples) - mixture.table.get("", 0), before, after)


def _name(released: Release | None) -> str:
    return released.tag if released else "the base"
