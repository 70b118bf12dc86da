"""The learning experiment: compares what training methods teach, and how much the model forgets.

The base and the model of each method answer held-out exams and general questions, over several seeds. All
methods train on the same samples; a seed changes their order, the samples drawn for replay, and the
initialization of new neurons. All results are in the store, so an interrupted experiment continues.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import mean, stdev

from rich.table import Table

from bot.config.recipe import GeneralRecipe, PhaseRecipe, Recipe, TrainRecipe
from bot.core.progress import say
from bot.core.store import Store
from bot.evaluate.examine import Examination
from bot.generate.leaf_samples import Generated
from bot.pipeline.examine import examine_model
from bot.pipeline.generate import generate_all
from bot.pipeline.mix import mixtures
from bot.pipeline.train import base_model, teach_both
from bot.taxonomy.leaf import Leaf

WEIGHTS_SLOWER = {"knowledge": 8, "skills": 25}
"""The divisor of the learning rate when pretrained weights are trained instead of new neurons. The best rates
were 2.5e-4 and 2e-3, in the skills phase 8e-5 and 2e-3 (docs/learning.md)."""


@dataclass(frozen=True)
class Result:
    """The scores of one model, each as (right answers, questions asked)."""

    way: str
    seed: int
    knowledge: tuple[int, int]
    skills: tuple[int, int]
    retention: tuple[int, int]


def ways(train: TrainRecipe) -> dict[str, TrainRecipe]:
    """Return name -> settings of the methods to compare, each a variant of a recipe's.

    Only the last one trains new neurons, if the recipe has them; the others train all weights.
    """
    weights = train
    if train.neurons:
        weights = replace(
            train,
            neurons=0,
            knowledge=_slower(train.knowledge, "knowledge"),
            skills=_slower(train.skills, "skills"),
        )
    none = GeneralRecipe(samples=0)
    alone = replace(weights, skills=replace(weights.skills, replay=0.0), general=none)
    found = {
        "one phase, no replay": replace(alone, method="stacked"),
        "two phases, no replay": replace(alone, method="phased"),
        "two phases with replay (LAB)": replace(weights, method="phased"),
        "one phase with general replay": replace(weights, method="stacked"),
        "two phases with replay, SDFT": replace(weights, method="sdft"),
    }
    if train.neurons:
        found["two phases with replay, new neurons"] = replace(train, method="phased")
    return found


def _slower(phase: PhaseRecipe, name: str) -> PhaseRecipe:
    return replace(phase, learning_rate=phase.learning_rate / WEIGHTS_SLOWER[name], ensemble=1)


def compare(leaves: Sequence[Leaf], recipe: Recipe, store: Store, seeds: int) -> Iterator[Result]:
    """Yield the result of the base, then for each seed those of all methods.

    Args:
        seeds: number of seeds; they are 0, 1, …
    """
    yield _result("base", 0, leaves, examine_model(base_model(recipe), leaves, recipe, store))
    generated = generate_all(leaves, recipe, store)
    for seed in range(seeds):
        for way, train in ways(recipe.train).items():
            say(f"{way}, seed {seed}")
            yield _tried(way, seed, generated, leaves, replace(recipe, train=train, seed=seed), store)


def _tried(
    way: str, seed: int, generated: Sequence[Generated], leaves: Sequence[Leaf], recipe: Recipe, store: Store
) -> Result:
    trained = teach_both(mixtures(generated, leaves, recipe, store), leaves, recipe, store)[1].model
    return _result(way, seed, leaves, examine_model(trained, leaves, recipe, store))


def _result(way: str, seed: int, leaves: Sequence[Leaf], examined: Examination) -> Result:
    def score(knowledge: bool) -> tuple[int, int]:
        scores = [examined.score(leaf.path) for leaf in leaves if (leaf.kind == "knowledge") == knowledge]
        return sum(right for right, _ in scores), sum(asked for _, asked in scores)

    kept = (sum(answer.right for answer in examined.retention), len(examined.retention))
    return Result(way, seed, score(True), score(False), kept)


def table(results: Sequence[Result]) -> Table:
    """Return a table of means and standard deviations over the seeds.

    Retention is a share of the base's right answers.
    """
    base = results[0].retention[0]
    shown = Table("way", "seeds", "knowledge", "skills", "of the base's retention")
    for way in dict.fromkeys(result.way for result in results):
        own = [result for result in results if result.way == way]
        counts = (
            [result.knowledge for result in own],
            [result.skills for result in own],
            [(result.retention[0], base) for result in own],
        )
        shown.add_row(way, str(len(own)), *map(_spread, counts))
    return shown


def _spread(counts: Sequence[tuple[int, int]]) -> str:
    """Return mean and standard deviation of accuracies as text; "" if nothing was asked."""
    shares = [right / asked for right, asked in counts if asked]
    if not shares:
        return ""
    deviation = f" ± {stdev(shares):.0%}" if len(shares) > 1 else ""
    return f"{mean(shares):.0%}{deviation}"
