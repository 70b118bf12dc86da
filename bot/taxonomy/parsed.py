"""What parsing a YAML file gives: data, a place for every node, and problems at their places."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is: lines and columns from 1, the end exclusive, columns in characters."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at a place: the rule it breaks, what is wrong, how to mend it.

    Attributes:
        fix: what to write in the place's stead, where that is sure and of one line; else None.
        other: the other leaf, of a problem between two leaves.
    """

    rule: str
    place: Place
    message: str
    help: str
    fix: str | None = None
    other: str = ""


@dataclass(frozen=True, slots=True)
class Other:
    """A value that is neither text nor a number in JSON's sense, such as a date."""

    kind: str
    text: str


@dataclass(slots=True)
class Node:
    """A node with its place; `value` is the data, `children` the nodes by key or index.

    Attributes:
        raw: a scalar as it is written, without quotes.
        plain: a scalar without quotes.
        keys: of a mapping, the places of its keys.
        size: how many nodes it is made of, aliases counted with what they stand for.
    """

    value: Any
    place: Place
    children: dict[str | int, "Node"] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    raw: str = ""
    plain: bool = False
    size: int = 1


@dataclass(frozen=True)
class Parsed:
    """A parsed file; `root` is None when there is nothing that can be used, and `problems` says why."""

    text: str
    root: Node | None
    problems: tuple[Problem, ...]

    @property
    def data(self) -> Any:
        return self.root.value if self.root else None

    def node(self, path: Sequence[str | int]) -> Node:
        """The node at a path, or the nearest one above it that exists."""
        if self.root is None:
            raise LookupError("nothing was parsed")
        node = self.root
        for step in path:
            if step not in node.children:
                break
            node = node.children[step]
        return node

    def place(self, path: Sequence[str | int]) -> Place:
        return self.node(path).place

    def key_place(self, path: Sequence[str | int]) -> Place:
        """The place of the key that leads to a node, or of the node where there is no such key."""
        if path:
            parent = self.node(path[:-1])
            if path[-1] in parent.keys:
                return parent.keys[str(path[-1])]
        return self.place(path)

    def line(self, number: int) -> str:
        """A line of the file by its number, without its end."""
        lines = self.text.split("\n", number)
        return lines[number - 1].rstrip("\r") if number <= len(lines) else ""
