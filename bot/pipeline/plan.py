"""The plan: what merging a pull request would generate, reuse and train; no model is loaded."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from bot.config.recipe import Recipe
from bot.core.durations import latest
from bot.core.errors import UserError
from bot.core.package_files import shipped
from bot.core.schema import first_mistake
from bot.core.store import Store, StoreError
from bot.generate.inputs import SamplesInputs, all_samples_inputs, samples_inputs
from bot.pipeline.estimate_merge import forecast
from bot.taxonomy.changes import changed_leaves
from bot.taxonomy.files import resolve, shown
from bot.taxonomy.tree import LONGEST_PATH, MOST_NAMED, BrokenLeaf, Tree, read_tree_at

SCHEMA = shipped("schemas/plan.json")

LONGEST_REASON = 1_000
"""Maximum length of a broken leaf's reason in characters; schemas/plan.json has the same limit."""

Change = Literal["added", "changed", "deleted"]


@dataclass(frozen=True)
class PlannedLeaf:
    """A changed leaf.

    Attributes:
        key: the key of the leaf's samples, generated or not; "" for a deleted leaf.
    """

    path: str
    change: Change
    key: str


@dataclass(frozen=True)
class Plan:
    """The plan of a pull request, written by an unprivileged job.

    Before use, it is validated against schemas/plan.json and compared with GitHub.

    Attributes:
        pull: number of the pull request.
        head: the planned commit.
        leaves: the leaves that change.
        same: number of leaves that do not change.
        broken: the changed leaves that cannot be read, each with the reason.
        base: the commit that `head` was compared with.
        base_ref: the branch that the pull request targets.
    """

    pull: int
    head: str
    leaves: tuple[PlannedLeaf, ...]
    same: int = 0
    base: str = ""
    base_ref: str = ""
    broken: tuple[BrokenLeaf, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain data; see schemas/plan.json."""
        return {"version": 1, **asdict(self)}


def make_plan(
    repository: Path, base: str, head: str, pull: int, recipe: Recipe, base_ref: str = "main"
) -> Plan:
    """Return the plan for merging commit `head` into commit `base`; reads only the leaves that change.

    Args:
        pull: number of the pull request.
        base_ref: the branch that `base` is on.
    """
    changes = changed_leaves(repository, base, head, recipe.taxonomy)
    planned = [PlannedLeaf(shown(path)[:LONGEST_PATH], "deleted", "") for path in sorted(changes.deleted)]
    new = changes.added | changes.changed
    tree = read_tree_at(repository, head, new, layout=recipe.taxonomy, access=None) if new else Tree([])
    for leaf in tree.leaves:
        change: Change = "added" if leaf.path in changes.added else "changed"
        planned.append(PlannedLeaf(leaf.path, change, samples_inputs(leaf, recipe).key))
    commits = (resolve(repository, head), resolve(repository, base))
    broken = tuple(BrokenLeaf(shown(b.path)[:LONGEST_PATH], b.reason[:LONGEST_REASON]) for b in tree.broken)
    return Plan(pull, commits[0], tuple(planned), changes.same, commits[1], base_ref, broken)


def read_plan(data: Any) -> Plan:
    """Return the plan in an artifact, which is untrusted.

    Raises:
        UserError: the data does not match schemas/plan.json.
    """
    mistake = first_mistake(data, SCHEMA)
    if mistake is not None:
        raise UserError(f"plan.json: {mistake[0]}: does not match schemas/plan.json", code=1)
    leaves = tuple(PlannedLeaf(leaf["path"], leaf["change"], leaf["key"]) for leaf in data["leaves"])
    broken = tuple(BrokenLeaf(leaf["path"], leaf["reason"]) for leaf in data.get("broken", ()))
    return Plan(data["pull"], data["head"], leaves, data["same"], data["base"], data["base_ref"], broken)


def summarize(plan: Plan, recipe: Recipe, store: Store) -> dict[str, Any]:
    """Return the data of the comment's part `plan`: the changes, which samples are reused, and a forecast."""
    kept = [leaf for leaf in plan.leaves if leaf.change != "deleted"]
    wanted, unread = recipe.generate.samples, ""
    try:
        there = store.has(SamplesInputs.STEP, [leaf.key for leaf in kept])
        # The entry exists if an earlier run generated the samples of all leaves for these settings.
        all_there = all_samples_inputs(recipe)
        known = not plan.same or bool(store.has(all_there.STEP, [all_there.key]))
        runs = latest(store)
    except StoreError as error:
        # A GitHub-hosted job may have no access to the store; the pull request gets its comment anyway.
        there, known, runs, unread = frozenset(), not plan.same, [], str(error)
    missing = [leaf for leaf in kept if leaf.key not in there]
    amount = f"{'up to ' if unread else ''}{wanted} to generate"
    return {
        "changed": [
            {"path": leaf.path, "change": leaf.change, "samples": _samples(leaf, missing, amount)}
            for leaf in plan.leaves
        ],
        "broken": [{"path": leaf.path, "reason": leaf.reason} for leaf in plan.broken[:MOST_NAMED]],
        "more_broken": max(0, len(plan.broken) - MOST_NAMED),
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
