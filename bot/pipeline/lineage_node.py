"""The tree that `arborist explain` shows: what something is, and what it was made of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.text import Text
from rich.tree import Tree

from bot.core.value_changes import Change
from bot.taxonomy.files import shown

SHOWN = 50
"""Maximum number of parts and of facts of a node that are printed; JSON has all."""
SHORT = 12
"""Characters of a key that are printed."""


@dataclass(frozen=True)
class Node:
    """A node of the tree.

    Attributes:
        kind: what it is: a step of the store, or release, leaf, commit, person, …
        name: which one; "" if there is only one.
        key: its key in the store; "" if it has none.
        facts: what is known of it, in order.
        changes: of a comparison: the fields that differ.
        parts: what it was made of, or what it consists of.
    """

    kind: str
    name: str = ""
    key: str = ""
    facts: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    changes: Sequence[Change] = ()
    parts: Sequence["Node"] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the node as schemas/explain.json describes it."""
        return {
            "kind": self.kind,
            "name": self.name,
            "key": self.key,
            "facts": dict(self.facts),
            "changes": [vars(one) for one in self.changes],
            "parts": [one.to_json() for one in self.parts],
        }


def tree_of(node: Node, tree: Tree | None = None) -> Tree:
    """Return a node as a tree for the terminal; text from contributors is never markup."""
    label = _label(node)
    here = tree.add(label) if tree else Tree(label, guide_style="dim")
    for line in _shortened(list(_lines(node)), "lines"):
        here.add(line)
    for part in node.parts[:SHOWN]:
        tree_of(part, here)
    if len(node.parts) > SHOWN:
        here.add(_more(len(node.parts), "parts"))
    return here


def _label(node: Node) -> Text:
    text = Text(node.kind, "bold")
    for part, style in ((node.name, ""), (node.key[:SHORT], "cyan")):
        if part:
            text.append(" ").append(shown(part), style)
    return text


def _lines(node: Node) -> Iterator[Text]:
    for name, value in node.facts.items():
        yield Text.assemble((f"{shown(name)}: ", "dim"), shown(_word(value)))
    for one in node.changes:
        length = SHORT if one.field == "key" else None
        before, after = (shown(text[:length]) for text in (one.before, one.after))
        yield Text.assemble((f"{shown(one.field)}: ", "dim"), (before, "red"), " → ", (after, "green"))


def _shortened(lines: list[Text], what: str) -> list[Text]:
    return lines if len(lines) <= SHOWN else [*lines[:SHOWN], _more(len(lines), what)]


def _more(number: int, what: str) -> Text:
    return Text(f"and {number - SHOWN} more {what}; --format json has all", "dim")


def _word(value: str | int | float | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())
