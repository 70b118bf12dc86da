"""The learning experiment: what each way of training teaches, and what it costs of what the base knew.

Held-out exams and general questions for the base and for each way, over several seeds. The samples are the
same for all; a seed changes their order, what is drawn for replay, and how neurons begin. Everything is
kept in the store, so an experiment that was cut short goes on where it was.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import mean, stdev

from rich.table import Table

from bot.evaluate import Examination, examine
from bot.generate.generated import Generated
from bot.progress import say
from bot.recipe import GeneralRecipe, PhaseRecipe, Recipe, TrainRecipe
from bot.reconcile import examine_released, generate, mixtures, train
from bot.store import Store
from bot.taxonomy.leaf import Leaf
from bot.train.choice import model_id

WEIGHTS_SLOWER = {"knowledge": 8, "skills": 25}
"""How much slower weights change that are of use already than neurons that begin with nothing: what the two
learnt best with was 2.5e-4 and 2e-3, in the skills phase 8e-5 and 2e-3 (docs/LEARNING.md)."""


@dataclass(frozen=True)
class Result:
    """What one model knows: right answers, and questions asked."""

    way: str
    seed: int
    knowledge: tuple[int, int]
    skills: tuple[int, int]
    retention: tuple[int, int]


def ways(stated: TrainRecipe) -> dict[str, TrainRecipe]:
    """The ways that are compared, each a change of one recipe's; the last alone trains new neurons."""
    weights = stated
    if stated.neurons:
        weights = replace(
            stated,
            neurons=0,
            knowledge=_slower(stated.knowledge, "knowledge"),
            skills=_slower(stated.skills, "skills"),
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
    if stated.neurons:
        found["two phases with replay, new neurons"] = replace(stated, method="phased")
    return found


def _slower(phase: PhaseRecipe, name: str) -> PhaseRecipe:
    return replace(phase, learning_rate=phase.learning_rate / WEIGHTS_SLOWER[name], ensemble=1)


def compare(leaves: Sequence[Leaf], recipe: Recipe, store: Store, seeds: int) -> Iterator[Result]:
    """Results as they come: the base's, then seed by seed those of all ways.

    Args:
        seeds: how many; 0, 1, …
    """
    yield _result("base", 0, leaves, examine_released(None, leaves, recipe, store))
    generated = generate(leaves, recipe, store)
    for seed in range(seeds):
        for way, stated in ways(recipe.train).items():
            say(f"{way}, seed {seed}")
            yield _tried(way, seed, generated, leaves, replace(recipe, train=stated, seed=seed), store)


def _tried(
    way: str, seed: int, generated: Sequence[Generated], leaves: Sequence[Leaf], recipe: Recipe, store: Store
) -> Result:
    trained = train(mixtures(generated, leaves, recipe, store), leaves, recipe, store).skills
    return _result(way, seed, leaves, examine(trained.folder(), model_id(trained), leaves, recipe, store))


def _result(way: str, seed: int, leaves: Sequence[Leaf], examined: Examination) -> Result:
    def score(knowledge: bool) -> tuple[int, int]:
        scores = [examined.score(leaf.path) for leaf in leaves if (leaf.kind == "knowledge") == knowledge]
        return sum(right for right, _ in scores), sum(asked for _, asked in scores)

    kept = (sum(answer.right for answer in examined.retention), len(examined.retention))
    return Result(way, seed, score(True), score(False), kept)


def table(results: Sequence[Result]) -> Table:
    """Means over the seeds, with the standard deviation; retention as a share of what the base had right."""
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
    """Mean and standard deviation of shares; nothing where nothing was asked."""
    shares = [right / asked for right, asked in counts if asked]
    if not shares:
        return ""
    deviation = f" ± {stdev(shares):.0%}" if len(shares) > 1 else ""
    return f"{mean(shares):.0%}{deviation}"
