"""The plan: what merging a pull request would generate, reuse and train; computed without a model."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from bot.errors import UserError
from bot.generate.keys import leaf_key
from bot.recipe import Recipe
from bot.schema import first_mistake
from bot.shipped import shipped
from bot.store import Store
from bot.taxonomy.tree import changed_leaves, load_tree_at, resolve

SCHEMA = shipped("schemas/plan.json")

# Measured with the embedded profile on two cores (BENCHMARKS.md); only the estimate in the comment uses them.
SECONDS_A_SAMPLE = 0.7
SECONDS_A_TRAINED_SAMPLE = 0.1

Change = Literal["added", "changed", "deleted", "same"]


@dataclass(frozen=True)
class PlannedLeaf:
    """A leaf in the plan: how it changes, and the key under which its samples are or will be."""

    path: str
    change: Change
    key: str


@dataclass(frozen=True)
class Plan:
    """What the unprivileged job hands over; checked against schemas/plan.json and GitHub before use.

    Attributes:
        pull: the pull request's number.
        head: the commit that was looked at.
        leaves: every leaf of the taxonomy as it would be, and the deleted ones.
        base: the commit that it was compared with.
        base_ref: the branch that it is to be merged into.
    """

    pull: int
    head: str
    leaves: tuple[PlannedLeaf, ...]
    base: str = ""
    base_ref: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"version": 1, **asdict(self)}


def make_plan(
    repository: Path, base: str, head: str, pull: int, recipe: Recipe, base_ref: str = "main"
) -> Plan:
    """The plan for merging `head` into `base`, two commits of a repository.

    Args:
        pull: the pull request's number.
        base_ref: the branch whose commit `base` is.
    """
    changes = changed_leaves(repository, base, head)
    planned = [PlannedLeaf(path, "deleted", "") for path in sorted(changes.deleted)]
    for leaf in load_tree_at(repository, head, access=None, lenient=True):
        change: Change = (
            "added" if leaf.path in changes.added else "changed" if leaf.path in changes.changed else "same"
        )
        planned.append(PlannedLeaf(leaf.path, change, leaf_key(leaf, recipe)))
    return Plan(pull, resolve(repository, head), tuple(planned), resolve(repository, base), base_ref)


def read_plan(data: Any) -> Plan:
    """A plan from an artifact, which anybody may have written.

    Raises:
        UserError: it is not as schemas/plan.json says.
    """
    mistake = first_mistake(data, SCHEMA)
    if mistake is not None:
        raise UserError(f"plan.json: {mistake[0]}: not as schemas/plan.json says", code=1)
    leaves = tuple(PlannedLeaf(leaf["path"], leaf["change"], leaf["key"]) for leaf in data["leaves"])
    return Plan(data["pull"], data["head"], leaves, data["base"], data["base_ref"])


def summarize(plan: Plan, recipe: Recipe, store: Store) -> dict[str, Any]:
    """What the comment's part `plan` shows: the changes, what the store has, and an estimate."""
    kept = [leaf for leaf in plan.leaves if leaf.change != "deleted"]
    missing = [leaf for leaf in kept if store.get("samples", leaf.key) is None]
    wanted = recipe.generate.samples
    epochs = sum(phase.epochs * phase.ensemble for phase in (recipe.train.knowledge, recipe.train.skills))
    to_generate = wanted * len(missing)
    return {
        "changed": [
            {"path": leaf.path, "change": leaf.change, "samples": _samples(leaf, missing, wanted)}
            for leaf in plan.leaves
            if leaf.change != "same"
        ],
        "reused": len([leaf for leaf in kept if leaf not in missing and leaf.change == "same"]),
        "anew": len([leaf for leaf in missing if leaf.change == "same"]),
        "total": len(kept),
        "to_generate": to_generate,
        "seconds": to_generate * SECONDS_A_SAMPLE + len(kept) * wanted * epochs * SECONDS_A_TRAINED_SAMPLE,
    }


def _samples(leaf: PlannedLeaf, missing: Sequence[PlannedLeaf], wanted: int) -> str:
    if leaf.change == "deleted":
        return "unlearnt: not in the next model"
    return f"{wanted} to generate" if leaf in missing else "reused from the store"
