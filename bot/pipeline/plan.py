"""The plan: what merging a pull request would generate, reuse and train; no model is loaded."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from bot.config.difference import UNCHANGED, RecipeChange, compare
from bot.config.load import parse_recipe
from bot.config.recipe import Recipe, ReleaseRecipe
from bot.core.durations import latest
from bot.core.errors import UserError
from bot.core.package_files import shipped
from bot.core.schema import first_mistake
from bot.core.store import Store, StoreError
from bot.generate.inputs import SamplesInputs, all_samples_inputs, samples_inputs
from bot.pipeline.estimate_release import forecast
from bot.release.exam_words import HELD_OUT, SET_APART, questions
from bot.release.licences import Conflict, licence_conflicts
from bot.taxonomy.changes import changed_leaves, merge_base
from bot.taxonomy.files import GitFiles, resolve, shown
from bot.taxonomy.tree import LONGEST_PATH, MOST_NAMED, BrokenLeaf, Tree, read_tree_at

SCHEMA = shipped("schemas/plan.json")
RECIPE = "arborist.yaml"
LARGEST_RECIPE = 1_000_000
LONGEST_ERROR = 500

LONGEST_REASON = 1_000
"""Maximum length of a broken leaf's reason in characters; schemas/plan.json has the same limit."""

Change = Literal["added", "changed", "deleted"]


@dataclass(frozen=True)
class PlannedLeaf:
    """A changed leaf.

    Attributes:
        key: the key of the leaf's samples, generated or not; "" for a deleted leaf.
        exam: the number of its held-out exam questions.
        set_apart: whether these are seed examples that were set apart, since there is no exam.yaml.
    """

    path: str
    change: Change
    key: str
    exam: int = 0
    set_apart: bool = False


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
        recipe: what changes in arborist.yaml.
        licences: of the student and of the changed leaves, those that do not allow the release as it is.
    """

    pull: int
    head: str
    leaves: tuple[PlannedLeaf, ...]
    same: int = 0
    base: str = ""
    base_ref: str = ""
    broken: tuple[BrokenLeaf, ...] = ()
    recipe: RecipeChange = UNCHANGED
    licences: tuple[Conflict, ...] = ()

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
        key = samples_inputs(leaf, recipe).key
        planned.append(PlannedLeaf(leaf.path, change, key, len(leaf.exam), leaf.set_apart))
    commits = (resolve(repository, head), resolve(repository, base))
    broken = tuple(BrokenLeaf(shown(b.path)[:LONGEST_PATH], b.reason[:LONGEST_REASON]) for b in tree.broken)
    settings = _recipe_change(repository, merge_base(repository, commits[1], commits[0]), commits[0])
    wanted = replace(recipe, release=_release_recipe(repository, commits[0], recipe))
    licences = tuple(
        Conflict(one.leaf, shown(one.reason)[:LONGEST_REASON], one.refused)
        for one in licence_conflicts(tree.leaves, wanted)
    )
    compared = (pull, commits[0], tuple(planned), changes.same, commits[1], base_ref)
    return Plan(*compared, broken=broken, recipe=settings, licences=licences)


def _recipe_change(repository: Path, since: str, head: str) -> RecipeChange:
    """Compare the recipes in two commits, as data; profiles and prompts beside them are not compared."""
    before, after = (_recipe_text(repository, commit) for commit in (since, head))
    if before == after:
        return UNCHANGED
    if after is None:
        return RecipeChange((RECIPE,), error=f"{RECIPE} is deleted")
    try:
        wanted = parse_recipe(after, Path(RECIPE))
    except UserError as error:
        return RecipeChange((RECIPE,), error=shown(str(error))[:LONGEST_ERROR])
    try:
        return compare(parse_recipe(before or b"", Path(RECIPE)), wanted)
    except UserError:  # there was no recipe that could be read
        return RecipeChange((RECIPE,), retrains=True, samples=True)


def _release_recipe(repository: Path, head: str, recipe: Recipe) -> ReleaseRecipe:
    """Return the settings of the release in a commit; those of `recipe` if they cannot be read."""
    try:
        return parse_recipe(_recipe_text(repository, head) or b"", Path(RECIPE)).release
    except UserError:
        return recipe.release


def _recipe_text(repository: Path, commit: str) -> bytes | None:
    with GitFiles(repository, commit, "", [RECIPE]) as files:
        return files.read(RECIPE, LARGEST_RECIPE) if RECIPE in files.entries else None


def read_plan(data: Any) -> Plan:
    """Return the plan in an artifact, which is untrusted.

    Raises:
        UserError: the data does not match schemas/plan.json.
    """
    mistake = first_mistake(data, SCHEMA)
    if mistake is not None:
        raise UserError(f"plan.json: {mistake[0]}: does not match schemas/plan.json", code=1)
    leaves = tuple(PlannedLeaf(**leaf) for leaf in data["leaves"])
    broken = tuple(BrokenLeaf(leaf["path"], leaf["reason"]) for leaf in data.get("broken", ()))
    settings = data.get("recipe", {})
    recipe = RecipeChange(**{**settings, "changed": tuple(settings.get("changed", ()))})
    place = (data["same"], data["base"], data["base_ref"])
    licences = tuple(Conflict(**conflict) for conflict in data.get("licences", ()))
    return Plan(data["pull"], data["head"], leaves, *place, broken=broken, recipe=recipe, licences=licences)


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
    total = len(kept) + plan.same
    if plan.recipe.samples:  # what the store has was generated with other settings
        there, known = frozenset(), True
    missing = [leaf for leaf in kept if leaf.key not in there]
    to_generate = wanted * (total if plan.recipe.samples else len(missing))
    amount = f"{'up to ' if unread else ''}{wanted} to generate"
    return {
        "changed": [
            _row(leaf, amount if leaf in missing else "reused from the store") for leaf in plan.leaves
        ],
        "recipe": plan.recipe,
        "broken": [{"path": leaf.path, "reason": leaf.reason} for leaf in plan.broken[:MOST_NAMED]],
        "more_broken": max(0, len(plan.broken) - MOST_NAMED),
        "licences": sorted(plan.licences, key=lambda one: not one.refused)[:MOST_NAMED],
        "unread": unread,
        "reused": plan.same if known and not plan.recipe.samples else 0,
        "unknown": 0 if known else plan.same,
        "total": total,
        "to_generate": to_generate,
        "forecast": forecast(to_generate, total, recipe, runs),
    }


def _row(leaf: PlannedLeaf, samples: str) -> dict[str, Any]:
    """Return a row of the comment's table."""
    if leaf.change == "deleted":
        return {
            "path": leaf.path,
            "change": "deleted",
            "samples": "unlearnt: not in the next model",
            "exam": "",
            "set_apart": False,
        }
    exam = questions(SET_APART if leaf.set_apart else HELD_OUT, leaf.exam) if leaf.exam else "none"
    row = {"path": leaf.path, "change": leaf.change, "samples": samples, "exam": exam}
    return {**row, "set_apart": leaf.set_apart}
