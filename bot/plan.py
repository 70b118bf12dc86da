"""The plan: what merging a pull request would generate, reuse and train; computed without a model."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from bot.errors import UserError
from bot.forecast import forecast
from bot.generate.keys import ALL_THERE, leaf_key, settings_key
from bot.recipe import Recipe
from bot.schema import first_mistake
from bot.shipped import shipped
from bot.store import Store, StoreError
from bot.taxonomy.files import shown
from bot.taxonomy.tree import LONGEST_PATH, changed_leaves, load_tree_at, resolve
from bot.took import latest

SCHEMA = shipped("schemas/plan.json")

Change = Literal["added", "changed", "deleted"]


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
        leaves: those that change; of a large taxonomy they are few.
        same: how many others there are.
        base: the commit that it was compared with.
        base_ref: the branch that it is to be merged into.
    """

    pull: int
    head: str
    leaves: tuple[PlannedLeaf, ...]
    same: int = 0
    base: str = ""
    base_ref: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"version": 1, **asdict(self)}


def make_plan(
    repository: Path, base: str, head: str, pull: int, recipe: Recipe, base_ref: str = "main"
) -> Plan:
    """The plan for merging `head` into `base`, two commits of a repository; only what changes is read.

    Args:
        pull: the pull request's number.
        base_ref: the branch whose commit `base` is.
    """
    changes = changed_leaves(repository, base, head)
    planned = [PlannedLeaf(shown(path)[:LONGEST_PATH], "deleted", "") for path in sorted(changes.deleted)]
    new = changes.added | changes.changed
    for leaf in load_tree_at(repository, head, only=new, access=None, lenient=True) if new else ():
        change: Change = "added" if leaf.path in changes.added else "changed"
        planned.append(PlannedLeaf(leaf.path, change, leaf_key(leaf, recipe)))
    commits = (resolve(repository, head), resolve(repository, base))
    return Plan(pull, commits[0], tuple(planned), changes.same, commits[1], base_ref)


def read_plan(data: Any) -> Plan:
    """A plan from an artifact, which anybody may have written.

    Raises:
        UserError: it is not as schemas/plan.json says.
    """
    mistake = first_mistake(data, SCHEMA)
    if mistake is not None:
        raise UserError(f"plan.json: {mistake[0]}: not as schemas/plan.json says", code=1)
    leaves = tuple(PlannedLeaf(leaf["path"], leaf["change"], leaf["key"]) for leaf in data["leaves"])
    return Plan(data["pull"], data["head"], leaves, data["same"], data["base"], data["base_ref"])


def summarize(plan: Plan, recipe: Recipe, store: Store) -> dict[str, Any]:
    """What the comment's part `plan` shows: the changes, what the store has, and an estimate."""
    kept = [leaf for leaf in plan.leaves if leaf.change != "deleted"]
    wanted, unread = recipe.generate.samples, ""
    try:
        there = store.has("samples", [leaf.key for leaf in kept])
        # A run that had all leaves' samples by these settings has said so.
        known = not plan.same or bool(store.has(ALL_THERE, [settings_key(recipe)]))
        runs = latest(store)
    except StoreError as error:
        # A hosted job may have no access to the store; the pull request gets its comment all the same.
        there, known, runs, unread = frozenset(), not plan.same, [], str(error)
    missing = [leaf for leaf in kept if leaf.key not in there]
    amount = f"{'up to ' if unread else ''}{wanted} to generate"
    return {
        "changed": [
            {"path": leaf.path, "change": leaf.change, "samples": _samples(leaf, missing, amount)}
            for leaf in plan.leaves
        ],
        "unread": unread,
        "reused": plan.same if known else 0,
        "unknown": 0 if known else plan.same,
        "total": len(kept) + plan.same,
        "to_generate": wanted * len(missing),
        "forecast": forecast(wanted * len(missing), len(kept) + plan.same, recipe, runs),
    }


def _samples(leaf: PlannedLeaf, missing: Sequence[PlannedLeaf], amount: str) -> str:
    if leaf.change == "deleted":
        return "unlearnt: not in the next model"
    return amount if leaf in missing else "reused from the store"
