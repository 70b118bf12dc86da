"""Explanation of a leaf as it is in the checkout: its samples in the store, and the newest release's row."""

from bot.config.recipe import Recipe
from bot.evaluate.exams import exam_of, exam_status
from bot.generate.inputs import samples_inputs
from bot.pipeline.explain_entry import entry_tree
from bot.pipeline.explain_release import leaf_node
from bot.pipeline.lineage import SAMPLES, Lineage
from bot.pipeline.lineage_node import Node
from bot.release.hub import Release
from bot.release.leaf_changes import rows_of
from bot.taxonomy.leaf import Leaf


def leaf_tree(leaf: Leaf, recipe: Recipe, lineage: Lineage, released: Release | None) -> Node:
    """Return what a leaf has, what was made of it, and what the newest release says of it.

    Raises:
        StoreError: the store cannot be reached.
    """
    key = samples_inputs(leaf, recipe).key
    entry = lineage.store.get(SAMPLES, key)
    facts: dict[str, str | int] = {
        "by": leaf.created_by,
        "seed examples": len(leaf.seeds),
        "documents": ", ".join(one.name for one in leaf.documents) or "none",
        "exam": f"{len(exam_of(leaf))} questions ({exam_status(leaf)})",
    }
    missing = Node(SAMPLES, "", key, {"in the store": False})
    samples = entry_tree(entry, lineage) if entry else missing
    return Node("leaf", leaf.path, facts=facts, parts=[samples, _released(leaf, key, released)])


def _released(leaf: Leaf, key: str, released: Release | None) -> Node:
    if released is None:
        return Node("release", "none yet")
    row = rows_of(released.manifest).get(leaf.path)
    name = f"{released.tag} of {released.repository}"
    if row is None:
        return Node("release", name, facts={"has this leaf": False})
    facts = {"has these very samples": row["key"] == key}
    return Node("release", name, released.manifest["key"], facts, parts=[leaf_node(row)])
